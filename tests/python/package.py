#!/usr/bin/env python3
"""The Python package: arrays in and out, errors, and what it says against NumPy's own arithmetic. package.py SOURCE"""
import gc
import os
import pathlib
import sys
import tempfile
import time
import unittest

import numpy as np

import shunt
from shunt import _c

SOURCE = pathlib.Path(sys.argv.pop())
SIDE, CLASSES = 32, 5


def softmax(scores):
    exact = np.exp(np.float64(scores) - np.max(scores, -1, keepdims=True))
    return exact / exact.sum(-1, keepdims=True)


def pictures(n, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (n, SIDE, SIDE, 3), np.uint8)


def write_ppm(path, picture):
    path.parent.mkdir(parents=True, exist_ok=True)
    height, width, _ = picture.shape
    path.write_bytes(b"P6\n%d %d\n255\n" % (width, height) + picture.tobytes())


class Base(unittest.TestCase):
    def setUp(self):
        self._folder = tempfile.TemporaryDirectory()
        self.addCleanup(self._folder.cleanup)
        self.folder = pathlib.Path(self._folder.name)
        self.device = shunt.Device("scalar", "threads=1")

    def model(self, seed=1):
        return shunt.Model("resnet20", classes=CLASSES).randomize(seed)


class Devices(Base):
    def test_devices_are_listed(self):
        self.assertIn("scalar", [info.selector.split(":")[0] for info in shunt.devices()])
        self.assertTrue(self.device.info.selector.startswith("scalar"))

    def test_verify(self):
        seen = []
        checks = self.device.verify("relu", count=5, progress=seen.append)
        self.assertEqual([check.problem for check in checks], [""] * len(checks))
        self.assertEqual(seen, checks)
        self.assertTrue(any(check.cases == 5 for check in checks))

    def test_a_callbacks_exception_comes_through(self):
        with self.assertRaises(KeyError):
            self.device.verify("relu", count=1, progress=lambda check: {}[check.name])

    def test_no_such_device(self):
        with self.assertRaisesRegex(shunt.NotFoundError, "nowhere"):
            shunt.Device("nowhere")
        self.assertTrue(issubclass(shunt.NotFoundError, LookupError))

    def test_a_device_in_use_stays(self):
        model = self.model()
        model.run(np.zeros((1, 3, SIDE, SIDE), np.float32), self.device)
        with self.assertRaisesRegex(shunt.InvalidError, "still used by 1"):
            self.device.close()
        model.close()
        self.device.close()
        with self.assertRaises(shunt.InvalidError):
            self.device.info
        with self.assertRaises(shunt.InvalidError):
            model.save(self.folder / "w.safetensors")


class Models(Base):
    def test_files_and_pictures_in_memory_are_classified_alike(self):
        model, batch = self.model(), pictures(3)
        write_ppm(self.folder / "a.ppm", batch[1])
        from_file = model.classify(self.folder / "a.ppm", self.device, top=CLASSES)
        from_memory = model.classify(batch, self.device, top=CLASSES)
        self.assertEqual([g.index for g in from_memory[1]], [g.index for g in from_file])
        np.testing.assert_allclose([g.probability for g in from_memory[1]], [g.probability for g in from_file], rtol=1e-5)
        one = model.classify(batch[1], self.device)
        self.assertEqual(one, from_memory[1])

    def test_classify_is_preprocess_run_and_softmax(self):
        model, batch = self.model(), pictures(2)
        how = model.preprocess
        mean, std = np.array(how.mean)[:, None, None], np.array(how.std)[:, None, None]
        by_hand = ((batch.transpose(0, 3, 1, 2) / 255 - mean) / std).astype(np.float32)
        np.testing.assert_allclose(how(batch), by_hand, atol=1e-5)
        scores = model.run(by_hand, self.device)
        np.testing.assert_allclose(model.probabilities(scores), softmax(scores), atol=1e-6)
        best = model.classify(batch, self.device, top=1)
        self.assertEqual([guess[0].index for guess in best], list(scores.argmax(1)))

    def test_pixels_of_any_order_and_stride(self):
        how, batch = shunt.Preprocess("cifar10"), pictures(1)
        wanted = how(batch)
        wide = np.zeros((SIDE, SIDE + 9, 3), np.uint8)
        wide[:, :SIDE] = batch[0]
        np.testing.assert_array_equal(how(wide[:, :SIDE]), wanted)
        np.testing.assert_array_equal(how(batch[0, ::-1].copy()[::-1]), wanted)
        np.testing.assert_array_equal(how(batch[0, :, :, ::-1]), how(np.ascontiguousarray(batch[0, :, :, ::-1])))
        np.testing.assert_array_equal(how(np.ascontiguousarray(batch[0, :, :, ::-1]), pixels="BGR"), wanted)
        rgba = np.dstack([batch[0], np.full((SIDE, SIDE), 7, np.uint8)])
        np.testing.assert_array_equal(how(rgba, pixels="RGBA"), wanted)
        for wrong in (batch.astype(np.float32), batch[0, :, :, :2], rgba):
            with self.assertRaises(shunt.InvalidError):
                how(wrong)

    def test_nv12_is_what_the_standards_say(self):
        how, std = shunt.Preprocess("cifar10"), np.array(shunt.Preprocess("cifar10").std)[:, None, None]
        planes = np.random.default_rng(3).integers(0, 256, (SIDE * 3 // 2, SIDE + 6), np.uint8)[:, :SIDE]  # with gaps
        u, v = (planes[SIDE:, i::2].repeat(2, 0).repeat(2, 1) - 128. for i in range(2))
        for pixels, kr, kb, full in (("NV12", .299, .114, 0), ("NV12-BT709", .2126, .0722, 0), ("NV12-FULL", .299, .114, 1),
                                     ("NV12-BT709-FULL", .2126, .0722, 1)):
            luma = planes[:SIDE] / 255 if full else (planes[:SIDE] - 16.) / 219
            chroma = 1 / 255 if full else 1 / 224
            red, blue = luma + v * chroma * (2 - 2 * kr), luma + u * chroma * (2 - 2 * kb)
            green = (luma - kr * red - kb * blue) / (1 - kr - kb)
            rgb = np.clip(255 * np.dstack([red, green, blue]), 0, 255).round().astype(np.uint8)
            self.assertLess(np.abs((how(planes, pixels=pixels) - how(rgb)) * std * 255).max(), 1.01)
        for wrong in (planes[:SIDE], planes[:, 1:], planes[..., None].repeat(3, 2)):
            with self.assertRaisesRegex(shunt.InvalidError, "NV12 is 3/2 height x width"):
                how(wrong, pixels="NV12")

    def test_saved_models_open_by_themselves(self):
        model = self.model()
        model.labels = list("abcde")
        model.save(self.folder / "w.safetensors")
        again = shunt.Model.open(self.folder / "w.safetensors")
        from_bytes = shunt.Model.open((self.folder / "w.safetensors").read_bytes())
        self.assertEqual((again.name, again.labels, from_bytes.classes), ("resnet20", list("abcde"), CLASSES))
        images = np.random.default_rng(1).standard_normal((2, 3, SIDE, SIDE), np.float32)
        wanted = model.run(images, self.device)
        np.testing.assert_array_equal(again.run(images, self.device), wanted)
        np.testing.assert_array_equal(from_bytes.run(images, self.device), wanted)
        with self.assertRaisesRegex(shunt.InvalidError, "4 labels"):
            model.labels = list("abcd")

    def test_embeddings_make_the_scores(self):
        model, batch = self.model(), pictures(3)
        for i, picture in enumerate(batch):
            write_ppm(self.folder / "set" / f"{i}.ppm", picture)
        data = shunt.Dataset(f"pictures:{self.folder / 'set'}")
        features, = model.embed(data, self.device).values()
        weights = model.weights
        scores = features @ weights["fc.weight"].T + weights["fc.bias"]
        np.testing.assert_allclose(model.run(model.preprocess(batch), self.device), scores, rtol=1e-4, atol=1e-4)
        maps = model.embed(data, self.device, ["layer3.2.relu", "avgpool"], limit=2)
        np.testing.assert_allclose(maps["layer3.2.relu"].mean((2, 3)), maps["avgpool"], rtol=1e-4, atol=1e-5)
        self.assertEqual(maps["avgpool"].shape, (2, 64))
        self.assertIn("layer3.2.add", model.values)
        cut = model.cut(["avgpool"], self.device)
        np.testing.assert_allclose(cut.run([model.preprocess(batch)])[0], features, rtol=1e-4, atol=1e-5)
        with self.assertRaisesRegex(shunt.NotFoundError, "layer9"):
            model.cut(["layer9"], self.device)

    def test_data_sets_and_evaluation(self):
        for i, picture in enumerate(pictures(6)):
            write_ppm(self.folder / "set" / "ab"[i % 2] / f"{i}.ppm", picture)
        data = shunt.Dataset(f"imagefolder:{self.folder / 'set'}")
        self.assertEqual((len(data), data.classes), (6, ["a", "b"]))
        picture, label = data[3]
        np.testing.assert_array_equal(picture, shunt.read_image(self.folder / "set" / data.picture(3)))
        self.assertEqual(label, 1)
        model = shunt.Model("resnet8", classes=2).randomize(4)
        score = model.evaluate(data, self.device)
        scores = model.run(model.preprocess([picture for picture, _ in data]), self.device)
        truth = np.array([label for _, label in data])
        self.assertEqual((score.pictures, score.wrong), (6, int((scores.argmax(1) != truth).sum())))
        self.assertAlmostEqual(score.loss, -np.log(softmax(scores)[np.arange(6), truth]).mean(), places=4)

    def test_training_learns(self):
        for i, picture in enumerate(pictures(8)):
            write_ppm(self.folder / "set" / "ab"[i % 2] / f"{i}.ppm", picture // 4 + 120 * (i % 2))
        data = shunt.Dataset(f"imagefolder:{self.folder / 'set'}")
        model = shunt.Model("resnet8", classes=2).initialize(1)
        recipe = shunt.Recipe(model, "fast", epochs=6, batch=4, holdout=0, augment="none")
        self.assertEqual((recipe.batch, recipe.epochs), (4, 6))
        steps = []
        trainer = shunt.Trainer(model, data, recipe, self.device, progress=lambda told: steps.append(told["stage"]))
        self.assertTrue(trainer.run())
        rows = trainer.rows
        self.assertEqual((len(rows), steps.count("step")), (6, 12))
        self.assertLess(rows[-1]["training_loss"], rows[0]["training_loss"])
        trainer.save(self.folder / "trained.safetensors")
        self.assertLess(shunt.Model.open(self.folder / "trained.safetensors").evaluate(data, self.device).wrong, 4)

    def test_training_stops_and_callbacks_raise(self):
        for i, picture in enumerate(pictures(4)):
            write_ppm(self.folder / "set" / "ab"[i % 2] / f"{i}.ppm", picture)
        data = shunt.Dataset(f"imagefolder:{self.folder / 'set'}")
        model = shunt.Model("resnet8", classes=2).initialize(1)
        recipe = shunt.Recipe(model, "fast", epochs=2, batch=2, holdout=0)
        self.assertFalse(shunt.Trainer(model, data, recipe, self.device, progress=lambda told: True).run())
        with self.assertRaises(ZeroDivisionError):
            shunt.Trainer(model, data, recipe, self.device, progress=lambda told: 1 / 0).run()


class Weights(Base):
    def test_a_mapping_that_files_keep(self):
        weights = shunt.Weights()
        weights["a"] = np.arange(6, dtype=np.int64).reshape(2, 3)
        weights["b"] = np.float32([1.5, np.nan])
        weights.set_metadata("note", "hé")
        weights.save(self.folder / "w.safetensors")
        for source in (self.folder / "w.safetensors", (self.folder / "w.safetensors").read_bytes()):
            again = shunt.Weights(source)
            self.assertEqual((sorted(again), again.metadata["note"]), (["a", "b"], "hé"))
            np.testing.assert_array_equal(again["a"], np.arange(6).reshape(2, 3))
            np.testing.assert_array_equal(again["b"], np.float32([1.5, np.nan]))
        with self.assertRaises(KeyError):
            again["c"]
        with self.assertRaises(shunt.UnsupportedError):
            weights["c"] = np.zeros(2, np.complex64)


class Sessions(Base):
    case = SOURCE / "tests/golden/onnx/opset17_residual"

    def session(self, **more):
        return shunt.InferenceSession(str(self.case / "model.onnx"), device=self.device, **more)

    def test_what_numpy_computed(self):
        onnx = self.onnx()
        session = self.session()
        read = [onnx.numpy_helper.to_array(onnx.load_tensor(str(path)))
                for kind in ("input", "output") for path in sorted(self.case.glob(f"test_data_set_0/{kind}_*.pb"))]
        names = [port.name for port in session.get_inputs()]
        outputs = session.run(None, dict(zip(names, read)))
        for array, wanted in zip(outputs, read[len(names):]):
            np.testing.assert_allclose(array, wanted, rtol=1e-4, atol=1e-5)

    def onnx(self):
        try:
            import onnx
            import onnx.numpy_helper
        except ImportError:
            self.skipTest("no Python package onnx")
        return onnx

    def identity(self, *more):
        onnx = self.onnx()
        make, kind = onnx.helper, onnx.TensorProto
        ports = [make.make_tensor_value_info(name, kind.FLOAT, ["batch", 3]) for name in "xy"]
        size = make.make_tensor_value_info("size", kind.INT64, [2])
        nodes = [make.make_node("Identity", ["x"], ["y"])] + [make.make_node("Shape", ["x"], ["size"])] * len(more)
        graph = make.make_graph(nodes, "identity", ports[:1], ports[1:] + [size] * len(more))
        return make.make_model(graph, opset_imports=[make.make_opsetid("", 17)]).SerializeToString()

    def test_ports_are_described_as_onnx_runtime_does(self):
        session = shunt.InferenceSession(self.identity("shape"), device=self.device)
        x, (y, size) = session.get_inputs()[0], session.get_outputs()
        self.assertEqual((x.name, x.type, x.shape), ("x", "tensor(float)", ["batch", 3]))
        self.assertEqual((y.name, size.type, size.shape), ("y", "tensor(int64)", [2]))

    def test_what_depends_on_the_shape_follows_it(self):
        session = shunt.InferenceSession(self.identity("shape"), device=self.device)
        for batch in (2, 5, 2):
            array = np.random.default_rng(batch).standard_normal((batch, 3), np.float32)
            size, y = session.run(["size", "y"], {"x": array})
            np.testing.assert_array_equal(y, array)
            np.testing.assert_array_equal(size, [batch, 3])
            self.assertFalse(np.shares_memory(y, array))

    def test_other_floating_point_types_are_computed_in_float32(self):
        make, kind = self.onnx().helper, self.onnx().TensorProto
        weights = np.random.default_rng(5).standard_normal((4, 3, 1, 1)).astype(np.float16)
        ports = [make.make_tensor_value_info(name, kind.FLOAT16, ["batch", channels, 2, 2]) for name, channels in (("x", 3), ("y", 4))]
        graph = make.make_graph([make.make_node("Conv", ["x", "w"], ["y"])], "half", ports[:1], ports[1:],
                                [self.onnx().numpy_helper.from_array(weights, "w")])
        model = make.make_model(graph, opset_imports=[make.make_opsetid("", 17)])
        session = shunt.InferenceSession(model.SerializeToString(), device=self.device)
        for seed in range(3):
            array = np.random.default_rng(seed).standard_normal((2, 3, 2, 2)).astype(np.float16)
            y, = session.run(None, {"x": array})
            self.assertEqual(y.dtype, np.float16)
            wanted = np.einsum("nchw,kc->nkhw", np.float64(array), np.float64(weights[:, :, 0, 0]))
            np.testing.assert_allclose(y, wanted, rtol=2e-3, atol=2e-3)
        self.assertEqual(len(session._runner._made), 1, "the inputs were made constants")

    def test_wrong_feeds_are_refused(self):
        session = shunt.InferenceSession(self.identity(), device=self.device)
        good = np.zeros((1, 3), np.float32)
        for feed in ({}, {"x": good, "z": good}, {"x": good.astype(np.float64)}, {"x": np.zeros((1, 4), np.float32)},
                     {"x": np.zeros(3, np.float32)}):
            with self.assertRaises(shunt.InvalidError):
                session.run(None, feed)
        with self.assertRaises(shunt.InvalidError):
            session.run(["nothing"], {"x": good})
        session.run(None, {"x": good})
        with self.assertRaises(shunt.InvalidError): # after the short way is known, too
            session.run(None, {"x": good.astype(np.float64)})

    def test_strided_arrays_are_what_they_say(self):
        session = shunt.InferenceSession(self.identity(), device=self.device)
        whole = np.random.default_rng(3).standard_normal((6, 6), np.float32)
        session.run(None, {"x": np.ascontiguousarray(whole[::3, ::2])})
        for array in (whole[::3, ::2], whole[::-3, :3], np.asfortranarray(whole[:2, :3])):
            np.testing.assert_array_equal(session.run(None, {"x": array})[0], array)

    def test_results_go_where_they_are_wanted(self):
        network = shunt.Network(self.identity(), shapes={"x": (2, 3)})
        executor, room = network.executor(self.device), np.empty((2, 3), np.float32)
        array = np.arange(6, dtype=np.float32).reshape(2, 3)
        self.assertIs(executor.run([array], [room])[0], room)
        np.testing.assert_array_equal(room, array)
        for wrong in (np.empty((3, 2), np.float32), np.empty((2, 3)), np.empty((2, 6), np.float32)[:, ::2]):
            with self.assertRaises(shunt.InvalidError):
                executor.run([array], [wrong])

    def test_precision_is_taken_and_told(self):
        array = np.linspace(-2, 2, 6, dtype=np.float32).reshape(2, 3)
        network = shunt.Network(self.identity(), shapes={"x": (2, 3)})
        for asked, taken in (("f16", "f16"), ("fast", "f32"), (None, "f32")):
            executor = network.executor(self.device, asked)
            with self.assertRaises(shunt.NotFoundError):
                executor.precision
            executor.run([array])
            self.assertEqual(executor.precision[:2], (asked or "f32", taken))
            self.assertTrue(executor.precision.reason)
        with self.assertRaises(shunt.InvalidError):
            network.executor(self.device, "f8")

    def test_runs_are_submitted(self):
        network = shunt.Network(self.identity(), shapes={"x": (2, 3)})
        executor, room = network.executor(self.device, streams=2), np.empty((2, 3), np.float32)
        arrays = [np.random.default_rng(i).standard_normal((2, 3), np.float32) for i in range(8)]
        runs = [executor.submit([array]) for array in arrays]
        for run, array in zip(reversed(runs), reversed(arrays)):
            np.testing.assert_array_equal(run.wait()[0], array)
            self.assertTrue(run.done)
        self.assertIs(executor.submit([arrays[3]], [room]).wait()[0], room)
        np.testing.assert_array_equal(room, arrays[3])
        with self.assertRaises(shunt.InvalidError):
            executor.submit([arrays[0]], [np.empty((2, 6), np.float32)[:, ::2]])
        with self.assertRaises(shunt.InvalidError):
            executor.close() # runs need it
        with self.assertRaises(shunt.InvalidError):
            network.executor(self.device, streams=99)
        runs[0].close()
        with self.assertRaises(shunt.InvalidError):
            runs[0].wait()

    def test_dlpack_shares_memory(self):
        class Foreign:
            def __init__(self, array):
                self.array = array

            def __dlpack__(self, **more):
                return self.array.__dlpack__(**more)

            def __dlpack_device__(self):
                return self.array.__dlpack_device__()

        from shunt.arrays import as_float32
        array = np.ones((2, 3), np.float32)
        self.assertTrue(np.shares_memory(as_float32(Foreign(array)), array))

    def test_a_call_costs_little_more_than_cs(self):
        session = shunt.InferenceSession(self.identity(), device=self.device)
        feed, calls = {"x": np.zeros((2, 3), np.float32)}, 300
        session.run(None, feed)
        _, executor, plan, _ = session._runner._repeat
        room = np.empty((2, 3), np.float32)
        plan.each_input[0].data, plan.each_output[0].data = feed["x"].ctypes.data, room.ctypes.data
        run, arguments = _c.plain("shunt_executor_run"), (executor._pointer, plan.inputs, 1, plan.outputs, 1)

        def best(function, *given): # of many short rounds: others use the processor, too
            rounds = []
            for _ in range(30):
                start = time.perf_counter()
                for _ in range(calls):
                    function(*given)
                rounds.append((time.perf_counter() - start) / calls * 1e6)
            return min(rounds)

        c, python = best(run, *arguments), best(session.run, None, feed)
        print(f"a call: {c:.1f} us in C, {python:.1f} us in Python")
        self.assertLess(python - c, 30)


class Objects(Base):
    def test_objects_that_refer_to_each_other_end_in_order(self):
        ended = []
        for first in range(2):
            device = shunt.Device("scalar", "threads=1")
            network = shunt.Network(str(Sessions.case / "model.onnx"))
            executor = network.executor(device)
            for one, other in ((device, executor), (executor, device), (network, device)):
                one.other = other
            for one in (executor, device, network):
                one._finish = lambda one=one, end=type(one)._finish: (ended.append(type(one).__name__), end(one))
            del device, network, executor, one, other
            gc.collect()
        self.assertEqual(sorted(ended), sorted(["Executor", "Device", "Network"] * 2))
        self.assertTrue(all(ended[i] == "Executor" for i in (0, 3)), ended)

    def test_nothing_is_left_behind(self):
        def descriptors():
            return len(os.listdir("/proc/self/fd"))

        self.model().save(self.folder / "w.safetensors")
        for _ in range(2):
            shunt.Model.open(self.folder / "w.safetensors").run(np.zeros((1, 3, SIDE, SIDE), np.float32), self.device)
        gc.collect()
        before = descriptors()
        for _ in range(20):
            shunt.Model.open(self.folder / "w.safetensors").run(np.zeros((1, 3, SIDE, SIDE), np.float32), self.device)
        gc.collect()
        self.assertEqual(descriptors(), before)
        self.assertEqual(self.device._users, 0)


if __name__ == "__main__":
    unittest.main(verbosity=1)
