"""The bounds that compiled kernels must keep, from bounds.txt, and what is known not to keep them yet."""
import fnmatch
import pathlib

SLACK = 1.02  # by which a known figure may be missed: compilers get updates


class Bounds:
    def __init__(self, path=pathlib.Path(__file__).with_name("bounds.txt")):
        self.products, self.matrix, self.bounds, self.known, self.used = [], [], [], [], set()
        for number, line in enumerate(path.read_text().splitlines(), 1):
            words = line.split("#")[0].split()
            if not words:
                continue
            if words[0] == "product" and len(words) >= 2:
                self.products += words[1:]
            elif words[0] == "matrix" and len(words) >= 2:
                self.matrix += words[1:]
            elif words[0] == "bound" and len(words) == 6:
                _, targets, kernels, measure, order, value = words
                self.bounds.append((targets.split(","), kernels, measure, order, float(value)))
            elif words[0] == "known" and len(words) == 6:
                _, target, kernel, variant, measure, value = words
                self.known.append((target, kernel, variant, measure, float(value)))
            else:
                raise SystemExit(f"{path.name}:{number}: neither a product, a matrix product, a bound nor a known exception: {line}")

    def wanted(self, options):
        """Multiply-adds of a work-item in one step of a product of matrices: a function of the kernel's name."""
        sizes = dict(option[2:].split("=") for option in options if option.startswith("-D") and "=" in option)
        tile = [int(sizes.get(name, 0)) for name in ("TK", "RM", "RN")]
        return lambda kernel: tile[0] * tile[1] * tile[2] if kernel in self.products else 0

    def check(self, target, kernel, options, facts):
        """Lines that say which bounds are broken, and by exceptions that are none any more; and how many known exceptions held."""
        broken, held = [], 0
        for targets, kernels, measure, order, value in self.bounds:
            if facts.get(measure) is None or not any(fnmatch.fnmatch(target, t) for t in targets):
                continue
            if not self.is_among(kernel, kernels):
                continue
            have = facts[measure]
            kept = have <= value if order == "<=" else have >= value
            exception = self.find(target, kernel, options, measure)
            if kept:
                if exception:
                    broken.append(f"{self.line(*exception)}  keeps its bound now ({have:g}): remove the line from bounds.txt")
            elif exception and (have <= exception[4] * SLACK if order == "<=" else have * SLACK >= exception[4]):
                held += 1
            else:
                broken.append(f"{self.line(target, kernel, variant_of(options), measure, have)}  the bound is {order} {value:g}")
        return broken, held

    def is_among(self, kernel, kernels):
        return {"all": True, "products": kernel in self.products, "matrix": kernel in self.matrix,
                "vector": kernel not in self.matrix}[kernels]

    def find(self, target, kernel, options, measure):
        for exception in self.known:
            if exception[:4] == (target, kernel, variant_of(options), measure):
                self.used.add(exception)
                return exception
        return None

    def unused(self):
        return [f"{self.line(*exception)}  fits no kernel: remove the line from bounds.txt"
                for exception in self.known if exception not in self.used]

    @staticmethod
    def line(target, kernel, variant, measure, value):
        return f"known {target} {kernel} {variant} {measure} {value:g}"


def variant_of(options):
    """The build options that tell variants apart, as one word."""
    plain = ("-cl-std=CL1.2", "-DB=16", "-DV=4", "-DWG=64")
    return ",".join(option[2:] for option in options if option.startswith("-D") and option not in plain) or "-"
