/* shunt.hpp - the C API with C++ objects, which end by themselves, and failures as exceptions or as a status: C++17, this file alone.
 *
 *     #include <iostream>
 *     int main(int argc, char **argv)
 *     {
 *         if (argc < 3) return 2;
 *         try {
 *             shunt::Device device; // SHUNT_DEVICE, or the best there is
 *             auto model = shunt::Model::open(argv[1]);
 *             for (const auto &guess : model.classify(device, argv[2], 5))
 *                 std::cout << 100 * guess.probability << " %  " << (guess.label ? guess.label : "") << '\n';
 *         } catch (const shunt::Error &error) {
 *             return std::cerr << error.what() << '\n', 1;
 *         }
 *     }
 *
 * By choice: each function that can fail takes a shunt::Status as its last argument. Without one a failure throws shunt::Error (and
 * ends the program where exceptions are switched off); with one it is stored there, with its message, and nothing is thrown. An
 * object whose making failed so is empty: it is false, and its get() is NULL.
 * get() gives what the C functions take, for whatever has no method here. Objects are moved, not copied. What one is made with has
 * to outlive it: devices outlive models and executors, networks their executors (run.h).
 */
#ifndef SHUNT_SHUNT_HPP
#define SHUNT_SHUNT_HPP

#include <shunt/shunt.h>

#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace shunt
{

/* How a call ended, and why. */
struct Status {
    shunt_status code = SHUNT_OK;
    std::string message;
    explicit operator bool() const
    {
        return code == SHUNT_OK;
    } /* true: it worked */
};

class Error : public std::runtime_error
{
  public:
    Error(shunt_status code, const std::string &message) : std::runtime_error(message), code_(code)
    {
    }
    shunt_status code() const
    {
        return code_;
    }

  private:
    shunt_status code_;
};

/* The end of every call: throws, or stores the status. Returns whether it worked. For calls of the C API, too:
 * shunt::check(shunt_model_load(model.get(), path)). */
inline bool check(shunt_status code, Status *status = nullptr)
{
    if (status) {
        status->code = code;
        status->message = code ? shunt_last_error() : "";
        return code == SHUNT_OK;
    }
    if (!code) return true;
#if defined(__cpp_exceptions)
    throw Error(code, shunt_last_error());
#else
    std::terminate();
#endif
}

/* An object of the C API that ends with this one. */
template <typename T, void (*End)(T *)> class Handle
{
  public:
    Handle() = default;
    explicit Handle(T *object) : object_(object)
    {
    }
    T *get() const
    {
        return object_.get();
    }
    T *release()
    {
        return object_.release();
    }
    explicit operator bool() const
    {
        return object_ != nullptr;
    }

  private:
    struct Ender {
        void operator()(T *object) const
        {
            End(object);
        }
    };
    std::unique_ptr<T, Ender> object_;
};

/* ---- Devices ----------------------------------------------------------------------------------------------------- */

class Device : public Handle<shunt_device, shunt_device_close>
{
  public:
    /* selector and params as in shunt_device_open. */
    explicit Device(const char *selector = nullptr, const char *params = nullptr, Status *status = nullptr)
        : Handle(open(selector, params, status))
    {
    }
    const char *selector() const
    {
        return shunt_device_describe(get())->selector;
    }
    const shunt_device_info &info() const
    {
        return *shunt_device_describe(get())->info;
    }

  private:
    static shunt_device *open(const char *selector, const char *params, Status *status)
    {
        shunt_device *made = nullptr;
        check(shunt_device_open(selector, params, &made), status);
        return made;
    }
};

/* ---- Tensors ------------------------------------------------------------------------------------------------------- */

/* Plain float32 numbers with a shape. */
struct Tensor {
    std::vector<int64_t> shape;
    std::vector<float> data;
};

/* A descriptor of float32 of this shape, of at most SHUNT_MAX_RANK dimensions. */
inline shunt_tensor_desc desc(const std::vector<int64_t> &shape)
{
    return shunt_tensor_make(SHUNT_F32, static_cast<uint32_t>(shape.size()), shape.data());
}

class Weights : public Handle<shunt_weights, shunt_weights_destroy>
{
  public:
    using Handle::Handle;
    static Weights open(const char *path, Status *status = nullptr)
    {
        shunt_weights *made = nullptr;
        check(shunt_weights_open(path, &made), status);
        return Weights(made);
    }
    static Weights open(const void *bytes, size_t size, Status *status = nullptr)
    {
        shunt_weights *made = nullptr;
        check(shunt_weights_open_bytes(bytes, size, &made), status);
        return Weights(made);
    }
    size_t size() const
    {
        return shunt_weights_count(get());
    }
    const shunt_tensor_view &operator[](size_t index) const
    {
        return *shunt_weights_at(get(), index);
    }
    const shunt_tensor_view *find(const char *name) const
    {
        return shunt_weights_find(get(), name);
    }
};

class Graph : public Handle<shunt_graph, shunt_graph_destroy>
{
  public:
    using Handle::Handle;
    /* The network up to the values of these names (shunt_graph_cut). */
    static Graph cut(const shunt_graph *graph, const std::vector<const char *> &names, Status *status = nullptr)
    {
        shunt_graph *made = nullptr;
        check(shunt_graph_cut(graph, names.data(), names.size(), &made), status);
        return Graph(made);
    }
};

/* ---- Running --------------------------------------------------------------------------------------------------------- */

/* The end of a run. */
class Event : public Handle<shunt_event, shunt_event_release>
{
  public:
    using Handle::Handle;
    bool done(Status *status = nullptr) const
    {
        int over = 0;
        check(shunt_event_poll(get(), &over), status);
        return over != 0;
    }
    bool wait(Status *status = nullptr) const
    {
        return check(shunt_event_wait(get()), status);
    }
};

/* Memory of a device, for shunt_tensor.buffer. */
class Buffer : public Handle<shunt_buffer, shunt_buffer_destroy>
{
  public:
    using Handle::Handle;
    static Buffer create(const Device &device, uint64_t bytes, Status *status = nullptr)
    {
        shunt_buffer *made = nullptr;
        check(shunt_buffer_create(device.get(), bytes, &made), status);
        return Buffer(made);
    }
    bool write(const void *src, uint64_t bytes, uint64_t offset = 0, Status *status = nullptr) const
    {
        return check(shunt_buffer_write(get(), offset, src, bytes), status);
    }
    bool read(void *dst, uint64_t bytes, uint64_t offset = 0, Status *status = nullptr) const
    {
        return check(shunt_buffer_read(get(), offset, dst, bytes), status);
    }
};

class Executor : public Handle<shunt_executor, shunt_executor_destroy>
{
  public:
    Executor() = default;
    Executor(const shunt_graph *graph, const shunt_weights *weights, const Device &device, Status *status = nullptr)
        : Handle(make(graph, weights, device, status))
    {
        while (*this && shunt_graph_output_name(graph, outputs_)) outputs_++;
    }
    /* All results for these inputs. Empty after a failure that was stored. */
    std::vector<Tensor> run(const std::vector<Tensor> &inputs, Status *status = nullptr) const
    {
        std::vector<shunt_tensor> src, dst;
        std::vector<Tensor> results;
        if (!describe(inputs, results, src, dst, status) ||
            !check(shunt_executor_run(get(), src.data(), src.size(), dst.data(), dst.size()), status))
            return {};
        return results;
    }
    /* The same without waiting. Inputs and results stay as they are until the event was waited for. */
    Event submit(const std::vector<Tensor> &inputs, std::vector<Tensor> &results, Status *status = nullptr) const
    {
        std::vector<shunt_tensor> src, dst;
        shunt_event *event = nullptr;
        if (describe(inputs, results, src, dst, status))
            check(shunt_executor_submit(get(), src.data(), src.size(), dst.data(), dst.size(), nullptr, &event),
                  status);
        return Event(event);
    }

  private:
    static shunt_executor *make(const shunt_graph *graph, const shunt_weights *weights, const Device &device,
                                Status *status)
    {
        shunt_executor *made = nullptr;
        check(shunt_executor_create(graph, weights, device.get(), &made), status);
        return made;
    }
    /* Numbers and shape of an input disagree: the C API's message for what is missing. */
    static shunt_status refuse()
    {
        return shunt_executor_run(nullptr, nullptr, 0, nullptr, 0);
    }
    /* The C API's tensors; the results get their shapes and memory. */
    bool describe(const std::vector<Tensor> &inputs, std::vector<Tensor> &results, std::vector<shunt_tensor> &src,
                  std::vector<shunt_tensor> &dst, Status *status) const
    {
        std::vector<shunt_tensor_desc> shapes;
        results.resize(outputs_);
        dst.resize(outputs_);
        for (const Tensor &input : inputs) {
            shapes.push_back(desc(input.shape));
            src.push_back({shapes.back(), const_cast<float *>(input.data.data()), nullptr, 0});
            if (input.shape.size() > SHUNT_MAX_RANK || shunt_tensor_count(&shapes.back()) != input.data.size())
                return check(refuse(), status), false;
        }
        for (size_t i = 0; i < outputs_; i++) {
            if (!check(shunt_executor_output(get(), shapes.data(), shapes.size(), i, &dst[i].desc), status))
                return false;
            results[i].shape.assign(dst[i].desc.dims, dst[i].desc.dims + dst[i].desc.rank);
            results[i].data.resize(shunt_tensor_count(&dst[i].desc));
            dst[i].data = results[i].data.data();
        }
        return true;
    }

    size_t outputs_ = 0;
};

class Network : public Handle<shunt_network, shunt_network_destroy>
{
  public:
    using Handle::Handle;
    static Network open(const char *path, const shunt_import_options *options = nullptr, Status *status = nullptr)
    {
        shunt_network *made = nullptr;
        check(shunt_import(path, options, &made), status);
        return Network(made);
    }
    static Network open(const void *bytes, size_t size, const shunt_import_options *options = nullptr,
                        Status *status = nullptr)
    {
        shunt_network *made = nullptr;
        check(shunt_import_bytes(bytes, size, options, &made), status);
        return Network(made);
    }
    std::vector<const shunt_port *> inputs() const
    {
        return ports(shunt_network_input);
    }
    std::vector<const shunt_port *> outputs() const
    {
        return ports(shunt_network_output);
    }
    const shunt_graph *graph() const
    {
        return shunt_network_graph(get());
    }
    Executor executor(const Device &device, Status *status = nullptr) const
    {
        return Executor(graph(), shunt_network_weights(get()), device, status);
    }

  private:
    std::vector<const shunt_port *> ports(const shunt_port *(*at)(const shunt_network *, size_t)) const
    {
        std::vector<const shunt_port *> found;
        while (const shunt_port *port = at(get(), found.size())) found.push_back(port);
        return found;
    }
};

/* ---- Pictures --------------------------------------------------------------------------------------------------------- */

class Model : public Handle<shunt_model, shunt_model_destroy>
{
  public:
    using Handle::Handle;
    /* A network by name, which has no weights yet. */
    static Model create(const char *name, const shunt_model_options *options = nullptr, Status *status = nullptr)
    {
        shunt_model *made = nullptr;
        check(shunt_model_create(name, options, &made), status);
        return Model(made);
    }
    static Model open(const char *path, const shunt_model_options *options = nullptr, Status *status = nullptr)
    {
        shunt_model *made = nullptr;
        check(shunt_model_open(path, options, &made), status);
        return Model(made);
    }
    static Model open(const void *bytes, size_t size, const shunt_model_options *options = nullptr,
                      Status *status = nullptr)
    {
        shunt_model *made = nullptr;
        check(shunt_model_open_bytes(bytes, size, options, &made), status);
        return Model(made);
    }
    bool load(const char *path, Status *status = nullptr)
    {
        return check(shunt_model_load(get(), path), status);
    }
    bool save(const char *path, Status *status = nullptr) const
    {
        return check(shunt_model_save(get(), path), status);
    }
    const char *name() const
    {
        return shunt_model_name(get());
    }
    const shunt_graph *graph() const
    {
        return shunt_model_graph(get());
    }
    const shunt_weights *weights() const
    {
        return shunt_model_weights(get());
    }

    /* The most probable classes of a picture's file, best first. Labels live as long as the model. */
    std::vector<shunt_guess> classify(const Device &device, const char *path, size_t top, Status *status = nullptr)
    {
        std::vector<shunt_guess> guesses(top);
        size_t found = 0;
        check(shunt_classify(get(), device.get(), path, top, guesses.data(), &found), status);
        guesses.resize(found);
        return guesses;
    }
    /* And of pictures in memory, which run together: one list for each. */
    std::vector<std::vector<shunt_guess>> classify(const Device &device, const std::vector<shunt_frame> &frames,
                                                   size_t top, Status *status = nullptr)
    {
        std::vector<shunt_guess> guesses(top * frames.size());
        std::vector<size_t> found(frames.size());
        std::vector<std::vector<shunt_guess>> lists;
        if (!check(shunt_classify_frames(get(), device.get(), frames.data(), frames.size(), top, guesses.data(),
                                         found.data()),
                   status))
            return lists;
        for (size_t i = 0; i < frames.size(); i++)
            lists.emplace_back(guesses.data() + i * top, guesses.data() + i * top + found[i]);
        return lists;
    }
    /* The network up to these values on a device: embeddings and feature maps of preprocessed pictures. */
    Executor cut(const std::vector<const char *> &names, const Device &device, Status *status = nullptr) const
    {
        const Graph part = Graph::cut(graph(), names, status);
        return part ? Executor(part.get(), weights(), device, status) : Executor();
    }
    /* The batch for pictures in memory, as the network takes it. */
    Tensor preprocess(const std::vector<shunt_frame> &frames, Status *status = nullptr) const
    {
        const shunt_preprocess *how = shunt_model_preprocess(get());
        Tensor batch;
        batch.shape = {static_cast<int64_t>(frames.size()), shunt_preprocess_planes(how), how->crop, how->crop};
        batch.data.resize(frames.size() * static_cast<size_t>(batch.shape[1] * how->crop * how->crop));
        check(shunt_preprocess_frames(how, frames.data(), frames.size(), batch.data.data()), status);
        return batch;
    }
};

/* A frame of packed pixels; stride 0: rows without gaps. */
inline shunt_frame frame(shunt_pixels pixels, const uint8_t *data, int64_t height, int64_t width, int64_t stride = 0)
{
    shunt_frame made = {};
    made.pixels = pixels;
    made.height = height;
    made.width = width;
    made.planes[0] = data;
    made.strides[0] = stride;
    return made;
}

} // namespace shunt

#endif
