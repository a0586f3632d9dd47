#!/usr/bin/env python3
"""The dependency law (docs/architecture.md), in the sources and in what was built.

law.py SOURCE [BUILD LIBSHUNT [PLUGIN...]]   checks
law.py --prove SOURCE                  breaks each rule in a copy of the sources, and sees that it is found
"""
import functools
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

BUILTIN = "runtime/device/builtin.c"  # the one file of the core that names a backend
# A program of its own, and what it alone calls.
HELPER = ("runtime/device/helper_main.c", "runtime/shared/child_posix.c", "runtime/shared/child_windows.c")
OPTION = "runtime/base/option.c"    # the one file that reads the environment
LIBRARY = ("runtime", "models", "backends")
NOT_CODE = re.compile(r'//[^\n]*|/\*.*?\*/|("(?:\\.|[^"\\\n])*")', re.S)

# A folder may use those before it in this order, in its include lines and in the symbols that its objects need.
ORDER = ["runtime/shared", "runtime/base", "runtime/pickle", "runtime/graph", "runtime/device", "runtime/ranks", "runtime/weights", "runtime/data",
         "runtime/coco", "runtime/onnx", "runtime/tune", "runtime/plan", "runtime/train", "runtime/verify", "models/nets", "models/detect", "models"]
# Those that know less than the order would let them.
SMALL = {"runtime/shared", "runtime/base"}
NARROW = {"runtime/pickle": SMALL, "runtime/graph": SMALL, "runtime/weights": SMALL | {"runtime/pickle"},
          "runtime/data": SMALL | {"runtime/pickle"},
          "runtime/coco": SMALL | {"runtime/data"},
          "runtime/onnx": SMALL | {"runtime/graph", "runtime/weights"},
          "runtime/verify": SMALL | {"runtime/graph", "runtime/device"},
          "models/nets": SMALL | {"runtime/graph"},
          "models/detect": SMALL | {"models/nets", "runtime/data"}}

# Headers of one system alone; they stand in the files that the build takes for it (X_posix.c, X_windows.c), and in these.
SYSTEM_HEADER = re.compile(r'#include <(?:(?:direct|dlfcn|fts|glob|io|link|poll|process|psapi|sched|spawn|windows|winioctl)'
                           r'|sys/(?:file|ioctl|mman|prctl|random|resource|statfs|syscall|utsname|vfs|wait))\.h>')
SYSTEM_FILE = re.compile(r'_(?:posix|windows)\.[ch]$')
OF_ONE_SYSTEM = ("backends/onednn", "backends/mpi", "backends/opencl/cpu.c")
ONLY_POSIX = ("tools/lib/isolate_posix.c",) # for another file of this kind
# What a file gives to others: definitions at the start of a line, with the brace on a line of its own.
DEFINITION = re.compile(r"^(?!static\b)[a-z][\w *]*?(\w+)\([^;{}]*\)\n\{", re.M)

# The C library's functions that both systems have; those that Windows lacks come from libc_windows.h, under the same names. Whoever uses another
# one outside of X_posix.c looks whether mingw-w64 declares it, adds it here, and runs tools/windows check.
BOTH_SYSTEMS = set("""
    _setjmp longjmp environ errno getenv secure_getenv setenv optarg opterr optind getopt_long getpid syscall
    calloc free malloc realloc reallocarray abs labs llabs bsearch qsort strtod strtof strtol strtoll strtoul strtoull
    memchr memcmp memcpy memmem memmove memset stpcpy strcasecmp strcasestr strcat strchr strcmp strcpy strcspn strdup strerror strlen
    strncasecmp strncat strncmp strncpy strndup strnlen strpbrk strrchr strsep strspn strstr strtok strtok_r tdelete tfind tsearch
    access basename close closedir dirname open opendir read readdir rename scandir unlink write fstat lstat stat lseek pwrite truncate
    ftruncate fsync isatty asprintf fclose fdopen ferror fflush fgets fileno fopen fprintf fputc fputs fread fseek ftell fwrite getdelim
    getline printf putc putchar puts snprintf sprintf sscanf stderr stdin stdout vasprintf vfprintf vsnprintf
    clock_gettime gmtime localtime nanosleep strftime time
    acos asin atan atan2 ceil copysign cos cosh erf exp exp2 expm1 fabs floor fma fmax fmin fmod frexp hypot ilogb ldexp llrint llround
    log log10 log1p log2 lrint lround modf nearbyint pow rint round scalbn sin sincos sinh sqrt tan tanh trunc""".split())
# Those of libraries and of the compiler.
OTHERS_NAME = re.compile(r"^(?:_|json_|png_|tj|unz|D?Gif[A-Z]|TIFF|WebP|GOMP_|omp_|pthread_|cl[A-Z]|cairo_|curl_|CLBlast)")

# What must not stand in the code (comments apart) of these folders, but for one file or these folders.
RULES = [
    ("the core names no backend", ("runtime", "models"), BUILTIN,
     r'"(?:scalar|opencl|onednn)\b|\bscalar_\w+ *\(|opencl|clblast|dnnl|onednn|<CL/', re.I),
    ("the core names no algorithm of a backend", ("runtime", "models"), None, r'winograd|im2col', re.I),
    ("models stand on the runtime, not the other way", ("runtime",), None, r'#include "(?:models|tools|backends)/', 0),
    ("models include no backend and no tool", ("models",), None, r'#include "(?:tools|backends)/', 0),
    ("the command uses the public headers only", ("tools",), None,
     r'#include "(?:runtime/(?!shared/)|models/|backends/|tests/)|#include <shunt/backend', 0),
    ("the command states the size of an option struct", ("tools",), None,
     r'\bshunt_(?:\w+_options|train_setup) \w+ = \{(?!\s*\.size)', 0),
    ("what library and command share stands on the C library alone", ("runtime/shared",), None,
     r'#include "(?!runtime/shared/)|#include <shunt/', 0),
    ("public headers include only each other and the C library", ("include",), None, r'#include "', 0),
    ("headers for applications do not show the plugin ABI", ("include",), "include/shunt/collective.h", r'#include <shunt/backend', 0),
    ("OpenCL's headers are included by one public header", ("include",), "include/shunt/opencl.h", r'#include <CL/', 0),
    ("a backend includes its contract alone of the project", ("backends",), None, r'#include <shunt/(?!backend\.h|collective\.h)', 0),
    ("a plugin copies structs that can grow with shunt_struct_copy", ("backends", "examples"), None,
     r'\*\s*\w+ = \(shunt_(?:device_info|op_info|op_candidates)\)|^\s+\*info = ', re.M),
    ("the facts of a kind of op stand in its row", ("runtime",), ("runtime/graph/ops", "runtime/verify/ops"),
     r'\bcase SHUNT_OP_|\[SHUNT_OP_\w+\] *=', 0),
    ("the environment is read in one file", LIBRARY, OPTION, r'\b(?:secure_)?getenv *\(', 0),
    ("the library never prints, exits or asserts", LIBRARY, HELPER,
     r'(?<!\w)(?:v?printf|puts|putchar|perror|_?exit|abort|assert) *\(|\bfprintf *\( *std|\bfputs *\([^;]*\bstd(?:err|out)', 0),
]

BREACHES = [
    ("runtime/base/error.c", '#include "runtime/graph/graph.h"'),
    ("runtime/weights/weights.h", '#include "runtime/onnx/onnx.h"'),
    ("runtime/data/cifar.c", '#include "runtime/weights/weights.h"'),
    ("runtime/pickle/pickle.h", '#include "runtime/data/dataset.h"'),
    ("runtime/verify/verify.c", '#include "runtime/plan/plan.h"'),
    ("models/nets/resnet.c", '#include "models/model.h"'),
    ("runtime/weights/weights.h", '#include "runtime/weights/torch.h"'),
    ("runtime/base/error.c", '#include <CL/cl.h>'),
    ("runtime/base/error.c", 'static const char *favourite = "opencl:0";'),
    ("runtime/base/error.c", '#include "models/model.h"'),
    ("models/nets/resnet.c", '#include "backends/scalar/scalar.h"'),
    ("runtime/base/error.c", 'void f(void) { getenv("HOME"); }'),
    ("runtime/base/error.c", 'void f(void) { fprintf(stderr, "x"); }'),
    ("backends/scalar/scalar.c", 'void f(shunt_op_info *info) { *info = (shunt_op_info){.size = info->size}; }'),
    ("backends/scalar/scalar.c", 'void f(void) { abort(); }'),
    ("backends/scalar/scalar.c", '#include <shunt/shunt.h>'),
    ("backends/scalar/scalar.c", '#include "runtime/base/error.h"'),
    ("runtime/verify/kind.c", 'static const char *rough = "winograd4";'),
    ("runtime/graph/describe.c", 'int f(int kind) { switch (kind) { case SHUNT_OP_CLIP: return 1; } return 0; }'),
    ("runtime/plan/lower.c", 'static const int costs[] = {[SHUNT_OP_CLIP] = 1};'),
    ("tools/main.c", '#include "runtime/base/error.h"'),
    ("tools/main.c", 'void f(void) { shunt_tune_options options = {.full = 1}; }'),
    ("runtime/shared/replace.c", '#include "runtime/base/error.h"'),
    ("runtime/shared/replace.c", '#include <shunt/shunt.h>'),
    ("runtime/base/file.c", '#include <sys/mman.h>'),
    ("tools/main.c", '#include <windows.h>'),
    ("runtime/shared/os_process_posix.c", 'void os_new(void)\n{\n}'),
    ("runtime/shared/os_process_windows.c", 'const char *os_new(int a,\n                   int b)\n{\n    return NULL;\n}'),
    ("tools/lib/new_posix.c", 'void new(void)\n{\n}'),
    ("include/shunt/shunt.h", '#include "runtime/base/error.h"'),
    ("include/shunt/run.h", '#include <shunt/backend.h>'),
    ("include/shunt/async.h", '#include <CL/cl.h>'),
]


# --prove looks at hundreds of files again and again, of which one has changed: what was read and found in the others is kept.
@functools.lru_cache(maxsize=None)
def without_comments(path, size, changed):
    """A comment's lines stay, so that line numbers hold."""
    del size, changed
    return NOT_CODE.sub(lambda m: m[1] or "\n" * m[0].count("\n"), path.read_text(encoding="utf-8", errors="replace"))


def code_of(path):
    state = path.stat()
    return without_comments(path, state.st_size, state.st_mtime_ns)


@functools.lru_cache(maxsize=None)
def search(pattern, code, flags=0):
    return re.search(pattern, code, flags)


@functools.lru_cache(maxsize=None)
def included(code):
    return re.findall(r'#include "([^"]+)"', code)


def files_of(root, folders):
    return sorted(p for folder in folders for p in (root / folder).rglob("*.[ch]"))


def folder_of(path):
    """The folder of ORDER that a path (relative, its parts joined by "/") lies in; None: in no such folder."""
    return max((folder for folder in ORDER if path.startswith(folder + "/")), key=len, default=None)


def may_use(user, used):
    return used == user or (used in NARROW[user] if user in NARROW else ORDER.index(used) < ORDER.index(user))


def check_order(root):
    found = []
    for path in files_of(root, ("runtime", "models")):
        user = folder_of(path.relative_to(root).as_posix())
        if not user:
            found.append(f"{path.relative_to(root)}: its folder is not in the order of tests/law.py")
            continue
        for name in included(code_of(path)):
            used = folder_of(name)
            if used and not may_use(user, used):
                found.append(f"{path.relative_to(root)}: {user} must not use {used}: {name}")
    return found


def check_circles(root):
    """Files that include each other, by whatever way round."""
    includes = {path.relative_to(root).as_posix(): included(code_of(path))
                for path in files_of(root, ("runtime", "models"))}
    found, done = [], set()

    def walk(name, way):
        if name in way:
            found.append("these files include each other: " + " -> ".join(way[way.index(name):] + [name]))
        elif name not in done:
            for used in includes.get(name, ()):
                walk(used, way + [name])
            done.add(name)

    for name in includes:
        walk(name, [])
    return found


def check_objects(build, exports):
    """The same order in the symbols of the library's objects, for a declaration alone must not hide an arrow; and the names:
    shunt_ is for what the library exports."""
    home, needs = {}, []
    for path, needed_here, name in read_symbols(sorted((pathlib.Path(build) / "libshunt-core.a.p").glob("*.o"))):
        file = pathlib.Path(path).name
        folder = folder_of(file.replace("_", "/"))
        if needed_here:
            needs.append((folder, name, file))
        else:
            home[name] = folder
    found = [f"{name}: shunt_ is for exported symbols" for name in home if name.startswith("shunt_") and name not in exports]
    return found + [f"{path}: {user} must not use {home[name]}: {name}" for user, name, path in needs
                    if user and home.get(name) and not may_use(user, home[name])]


def read_symbols(objects):
    """Of each object: the names that it needs, and those that it has."""
    lines = subprocess.run(["nm", "-g", "-A", *objects], check=True, capture_output=True, text=True).stdout.splitlines()
    for line in lines: # FILE:VALUE KIND NAME
        kind, name = line.split()[-2:]
        yield line.split(":")[0], kind == "U", name


def check_functions(build):
    """No file but X_posix.c needs a function of the C library that Windows does not have. Headers cannot tell: they declare it here."""
    build = pathlib.Path(build)
    objects = [path for path in sorted(build.rglob("*.o"))
               if path.relative_to(build).parts[0] in ("libshunt-core.a.p", "shunt-probe.p", "runtime", "backends", "tools")
               and not is_exempt(path.relative_to(build), ("backends/onednn", "backends/mpi"))]
    found, home, needs = [], set(), {}
    for file, needed_here, name in read_symbols(objects):
        if not needed_here:
            home.add(name)
        elif not SYSTEM_FILE.search(file.removesuffix(".o")):
            needs.setdefault(name, file)
    for name, file in sorted(needs.items()):
        plain = re.sub("^__isoc(?:99|23)_", "", name).removesuffix("64")
        if not {name, plain, plain.removesuffix("f")} & (home | BOTH_SYSTEMS) and not OTHERS_NAME.search(plain):
            found.append(f"{file}: {name}: does Windows have this function? See BOTH_SYSTEMS in tests/law.py")
    return found


def is_exempt(path, exempt):
    return any(pathlib.Path(place) in (path, *path.parents) for place in ([exempt] if isinstance(exempt, str) else exempt or ()))


def check_sources(root):
    found = check_order(root) + check_circles(root) + check_systems(root) + check_pairs(root)
    for rule, folders, exempt, pattern, flags in RULES:
        for path in files_of(root, folders):
            code = code_of(path)
            hit = search(pattern, code, flags)
            if hit and not is_exempt(path.relative_to(root), exempt):
                line = code.count("\n", 0, hit.start()) + 1
                found.append(f"{path.relative_to(root)}:{line}: {rule}: {code.splitlines()[line - 1].strip()}")
    for path in files_of(root, ("backends",)):
        own = root / path.relative_to(root).parts[0] / path.relative_to(root).parts[1]
        for name in included(code_of(path)):
            generated = name == "kernels.h"
            if not generated and not any((place / name).is_file() for place in (own, path.parent)):
                found.append(f"{path.relative_to(root)}: a backend includes its own files only: {name}")
    return found


def check_pairs(root):
    """X_posix.c and X_windows.c define the same functions; that these are of one type is the compiler's to see, by their header."""
    found = []
    for path in files_of(root, (*LIBRARY, "tools")):
        if not path.name.endswith("_posix.c") or path.relative_to(root).as_posix() in ONLY_POSIX:
            continue
        twin = path.with_name(path.name.replace("_posix.c", "_windows.c"))
        if not twin.is_file():
            found.append(f"{path.relative_to(root)}: there is no {twin.name}")
            continue
        ours, theirs = (set(DEFINITION.findall(code_of(file))) for file in (path, twin))
        found += [f"{twin.relative_to(root)}: {name} is missing, which {path.name} has" for name in sorted(ours - theirs)]
        found += [f"{path.relative_to(root)}: {name} is missing, which {twin.name} has" for name in sorted(theirs - ours)]
    return found


def check_systems(root):
    return [f"{path.relative_to(root)}: a header of one system belongs into X_posix.c or X_windows.c: {hit[0]}"
            for path in files_of(root, (*LIBRARY, "tools"))
            if not SYSTEM_FILE.search(path.name) and not is_exempt(path.relative_to(root), OF_ONE_SYSTEM)
            for hit in SYSTEM_HEADER.finditer(code_of(path))]


def symbols(path, which):
    lines = subprocess.run(["nm", "-D", which, path], check=True, capture_output=True, text=True).stdout.splitlines()
    return [line.split()[-1].split("@")[0] for line in lines if line.split()[-2] != "A"]


def needed(path):
    text = subprocess.run(["readelf", "-d", path], check=True, capture_output=True, text=True).stdout
    return re.findall(r"\(NEEDED\).*\[(.*)\]", text)


def check_built(library, plugins):
    found = []
    foreign = [name for name in needed(library) if re.search("opencl|clblast|dnnl", name, re.I)]
    exports = symbols(library, "--defined-only")
    if foreign:
        found.append(f"{library} depends on {foreign}")
    if "shunt_device_open" not in exports or not all(name.startswith("shunt_") for name in exports):
        found.append(f"{library} exports {[n for n in exports if not n.startswith('shunt_')]}, or not its API")
    for plugin in plugins:
        if symbols(plugin, "--defined-only") != ["shunt_backend_entry"]:
            found.append(f"{plugin} exports {symbols(plugin, '--defined-only')}, not shunt_backend_entry alone")
        if any(name.startswith("shunt_") for name in symbols(plugin, "--undefined-only")):
            found.append(f"{plugin} needs symbols of libshunt")
        if any("libshunt" in name for name in needed(plugin)):
            found.append(f"{plugin} links libshunt")
    return found


def prove_objects():
    """Objects that need what they must not, and one with a name that it must not have."""
    sources = {"runtime_base_low.c.o": "void graph_high(void); void low(void) { graph_high(); }",
               "runtime_base_posix.c.o": "int gethostname(char *, unsigned long); void posix(void) { gethostname(0, 0); }",
               "runtime_base_host.c.o": "int gethostname(char *, unsigned long); void host(void) { gethostname(0, 0); }",
               "runtime_graph_high.c.o": "void graph_high(void) {} void shunt_inner(void) {}"}
    with tempfile.TemporaryDirectory() as build:
        folder = pathlib.Path(build) / "libshunt-core.a.p"
        folder.mkdir()
        for name, text in sources.items():
            subprocess.run(["cc", "-c", "-x", "c", "-", "-o", folder / name], input=text, check=True, text=True)
        hits = {pathlib.Path(line.split(":")[0]).name for line in check_objects(build, []) + check_functions(build)}
    return [f"the breaches found in objects are not those made: {name}"
            for name in hits ^ {"runtime_base_low.c.o", "shunt_inner", "runtime_base_host.c.o"}]


def prove(root):
    found = check_sources(root) + prove_objects()
    before = len(found)
    with tempfile.TemporaryDirectory() as folder:
        copy = pathlib.Path(folder) / "copy"
        for part in ("include", "runtime", "models", "backends", "examples", "tools"):
            shutil.copytree(root / part, copy / part)
        for path, line in BREACHES:
            whole = (copy / path).read_text(encoding="utf-8") if (copy / path).exists() else None
            (copy / path).write_text((whole or "") + "\n" + line + "\n", encoding="utf-8")
            if len(check_sources(copy)) <= before:
                found.append(f"this breach in {path} is not found: {line}")
            if whole is None:
                (copy / path).unlink()
            else:
                (copy / path).write_text(whole, encoding="utf-8")
    return found


arguments = sys.argv[1:]
if not arguments:
    sys.exit(__doc__)
if arguments[0] == "--prove":
    breaches = prove(pathlib.Path(arguments[1]).resolve())
else:
    breaches = check_sources(pathlib.Path(arguments[0]).resolve())
    if arguments[1:]:
        breaches += check_objects(arguments[1], symbols(arguments[2], "--defined-only")) + check_functions(arguments[1])
        breaches += check_built(arguments[2], arguments[3:])
print("\n".join(breaches) or "the law holds")
sys.exit(1 if breaches else 0)
