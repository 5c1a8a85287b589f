#!/usr/bin/env python3
"""Names #include lines of which a source uses nothing: unused_includes.py [FILE…], by default all sources.

It compares texts and compiles nothing, so it takes a second. A header of ours counts as used if any name that it
declares occurs in the source; a standard header, if a name of its row in STANDARD does. Comments and literals do
not count. In doubt a header is used: names are not resolved, so that a common name may hide an unused header. A
header that a source needs although none of its names occurs is marked in its line: `// IWYU pragma: keep`.
"""
import functools
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
FOLDERS = ("api", "bench", "cep", "library", "rules", "runtime", "tests")

WORD = re.compile(r"[A-Za-z_]\w*")
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"](.*)$', re.M)
# A raw string, a comment, a string or a character. A ' between digits belongs to a number.
NOT_CODE = re.compile(r'R"(\w*)\(.*?\)\1"|//[^\n]*|/\*.*?\*/|"(?:[^"\\\n]|\\.)*"'
                      r"|(?<![0-9A-Fa-f])'(?:[^'\\\n]|\\.)+'", re.S)
# A name where it is declared: a type, an alias, a macro, an enumerator or constant, a function or a member.
DECLARED = re.compile(r"""
    \b(?:class|struct|union|enum|concept|typename|namespace|using)\s+(?:class\s+)?(?P<type>[A-Za-z_]\w*)
  | \#\s*define\s+(?P<macro>[A-Za-z_]\w*)
  | \b(?P<constant>k[A-Z]\w*)
  | (?<![\w.>])(?P<name>[A-Za-z_]\w*)\s*(?:\(|;|=|\{|\[|,|:(?!:))""", re.X)
KEYWORDS = frozenset("""alignas auto bool break case catch char class const constexpr consteval continue default
    delete do double else enum explicit export extern false final float for friend if inline int long mutable
    namespace new noexcept nullptr operator override private protected public requires return short signed sizeof
    static static_assert std struct switch template this throw true try typename union unsigned using virtual void
    while tocsin""".split())

# For each standard header, regular expressions of the names that it declares. A header that is not here is not
# looked at.
STANDARD = {header: re.compile("|".join(names.split())) for header, names in {
    "algorithm": """adjacent_find all_of any_of none_of binary_search clamp copy\\w* count count_if equal equal_range
        fill fill_n find\\w* for_each\\w* generate\\w* includes inplace_merge is_(?:sorted|heap)(?:_until)?
        is_partitioned is_permutation iter_swap lexicographical_compare\\w* lower_bound \\w*_heap max max_element
        merge min min_element minmax\\w* mismatch move move_backward \\w*_permutation nth_element partial_sort\\w*
        partition\\w* (?:remove|replace)(?:_copy)?(?:_if)? (?:reverse|rotate)(?:_copy)? sample search(?:_n)?
        set_(?:union|intersection|difference|symmetric_difference) shift_left shift_right shuffle sort stable_sort
        stable_partition starts_with ends_with contains swap_ranges transform unique unique_copy upper_bound""",
    "array": "array to_array",
    "atomic": "atomic\\w* memory_order\\w*",
    "bit": "bit_\\w+ countl_\\w+ countr_\\w+ popcount has_single_bit rotl rotr endian byteswap",
    "bitset": "bitset",
    "cctype": "is[a-z]+ tolower toupper",
    "cerrno": "errno E[A-Z0-9]+",
    "charconv": "from_chars\\w* to_chars\\w* chars_format",
    "chrono": "chrono \\w*_literals",
    "cmath": """abs a?(?:cos|sin|tan)h? atan2 ceil floor l?l?round trunc rint nearbyint exp2? expm1
        log(?:10|2|1p|b)? pow sqrt cbrt hypot fm(?:a|in|ax|od) frexp ldexp modf scalbn isnan isinf isfinite isnormal
        signbit copysign nextafter remainder NAN INFINITY HUGE_VAL""",
    "compare": "\\w+_ordering compare_\\w+ three_way_\\w+ is_(?:lt|gt|eq|neq|lteq|gteq) operator",
    "condition_variable": "condition_variable\\w* cv_status",
    "csignal": "raise kill sig\\w* SIG\\w*",
    "cstddef": "size_t ptrdiff_t byte nullptr_t max_align_t offsetof NULL to_integer",
    "cstdint": "u?int\\w*_t U?INT\\w*_(?:MAX|MIN|C) SIZE_MAX",
    "cstdio": """f?printf v?snprintf f?puts f?putc putchar fflush fopen fdopen fclose fread fwrite fgets getline
        fseek ftell FILE std(?:in|out|err) perror remove rename EOF fileno sscanf setvbuf BUFSIZ tmpfile ferror feof
        popen pclose""",
    "cstdlib": """getenv setenv unsetenv abort exit _exit _Exit quick_exit atexit malloc calloc realloc free
        strto\\w+ ato\\w+ system EXIT_\\w+ abs mkstemp mkdtemp rand srand aligned_alloc realpath div qsort size_t""",
    "cstring": """mem(?:cpy|cmp|move|set|chr|mem|rchr)
        str(?:n?len|n?cmp|n?cpy|n?cat|r?chr|str|error\\w*|c?spn|pbrk|tok\\w*|n?dup|signal)""",
    "ctime": "time\\w* clock\\w* gmtime\\w* localtime\\w* tm mktime strftime difftime",
    "deque": "deque",
    "exception": "\\w*exception\\w* terminate\\w* rethrow\\w*",
    "filesystem": "filesystem",
    "fstream": "\\w*fstream filebuf",
    "functional": """function hash less greater less_equal greater_equal equal_to not_equal_to plus minus multiplies
        divides modulus negate bit_\\w+ logical_\\w+ identity bind\\w* mem_fn c?ref reference_wrapper invoke\\w*
        not_fn boyer\\w* placeholders""",
    "future": "future\\w* promise async launch packaged_task shared_future",
    "initializer_list": "initializer_list",
    "iomanip": "set\\w+ put_\\w+ get_\\w+ quoted",
    "iostream": "cin cout cerr clog endl istream ostream",
    "iterator": """\\w*_iterator\\w* \\w*inserter advance distance next prev c?r?begin c?r?end s?size data empty
        iter_\\w+ \\w*_sentinel\\w*""",
    "limits": "numeric_limits",
    "list": "list",
    "map": "map multimap",
    "memory": """(?:unique|shared|weak)_ptr make_unique\\w* make_shared\\w* enable_shared_from_this allocator\\w*
        addressof align assume_aligned uninitialized_\\w+ construct_at destroy\\w* default_delete pointer_traits
        to_address \\w*_pointer_cast out_ptr inout_ptr owner_less""",
    "mutex": "\\w*mutex \\w*lock\\w* call_once once_flag",
    "new": "bad_alloc nothrow\\w* align_val_t launder hardware_\\w+ new operator set_new_handler",
    "numbers": "numbers",
    "numeric": """accumulate reduce iota inner_product partial_sum adjacent_difference gcd lcm midpoint \\w*_scan
        transform_reduce""",
    "optional": "optional nullopt\\w* make_optional bad_optional_access",
    "ostream": "ostream endl flush iostream",
    "queue": "\\w*queue",
    "random": "\\w*_distribution \\w*engine mt19937\\w* random_device seed_seq minstd\\w* generate_canonical",
    "ranges": "ranges views",
    "regex": "\\w*regex\\w* [cs]?match(?:_results)? [cs]?sub_match",
    "semaphore": "\\w*semaphore",
    "set": "set multiset",
    "shared_mutex": "shared_\\w*mutex shared_lock",
    "span": "span as_bytes as_writable_bytes dynamic_extent",
    "sstream": "\\w*stringstream stringbuf",
    "stdexcept": "\\w+_error \\w+_argument out_of_range",
    "stop_token": "stop_\\w+ jthread",
    "string": "\\w*string to_string sto(?:i|l|ll|ul|ull|f|d|ld) getline char_traits \\w*_literals",
    "string_view": "\\w*string_view \\w*_literals",
    "system_error": "\\w*error\\w* errc \\w+_category",
    "thread": "thread jthread this_thread",
    "tuple": "tuple\\w* tie apply make_from_tuple forward_as_tuple ignore make_tuple get",
    "unordered_map": "unordered_\\w*map",
    "unordered_set": "unordered_\\w*set",
    "utility": """move\\w* forward\\w* pair make_pair swap exchange as_const declval in_place\\w*
        \\w*integer_sequence\\w* \\w*index_sequence\\w* piecewise_construct\\w* cmp_\\w+ in_range to_underlying
        unreachable get tuple_size\\w* tuple_element\\w*""",
    "variant": "variant\\w* visit holds_alternative get get_if monostate bad_variant_access",
    "vector": "vector",
}.items()}


def code_of(text):
    """Returns the text without comments, literals and #include lines."""
    return NOT_CODE.sub(" ", INCLUDE.sub("", text))


@functools.lru_cache(maxsize=None)
def declared_names(header):
    """Returns the names that a header declares; all of its words if it specialises a template or overloads an operator."""
    text = header.read_text(encoding="utf-8")
    code = code_of(text)
    if re.search(r"template\s*<\s*>|\boperator\b", code):
        names = set(WORD.findall(code))
    else:
        names = {match[match.lastgroup] for match in DECLARED.finditer(code)}
    # A table of macros that the header expands: names are made of the words of its rows.
    for _, table, _ in INCLUDE.findall(text):
        if table.endswith(".def") and (ROOT / table).is_file():
            words = set(WORD.findall(code_of((ROOT / table).read_text(encoding="utf-8"))))
            names |= words | {"k" + word for word in words}
    return names - KEYWORDS


def is_used(source, words, form, header):
    """Whether a source with these words uses something of a header."""
    if form == "<":
        return header not in STANDARD or any(STANDARD[header].fullmatch(word) for word in words)
    other = ROOT / header
    is_own = other.with_suffix("") == source.with_suffix("")
    return is_own or not other.is_file() or not declared_names(other).isdisjoint(words)


def unused_includes(source):
    """Returns (line, header as written) of each #include of which the source uses nothing."""
    text = source.read_text(encoding="utf-8")
    words, found = set(WORD.findall(code_of(text))), []
    for match in INCLUDE.finditer(text):
        form, header, rest = match.groups()
        if "IWYU pragma" in rest or header.endswith(".def") or is_used(source, words, form, header):
            continue
        found.append((text.count("\n", 0, match.start()) + 1, f"<{header}>" if form == "<" else f'"{header}"'))
    return found


def main():
    sources = [pathlib.Path(name).resolve() for name in sys.argv[1:]]
    if not sources:
        sources = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*"))
                   if path.suffix in (".cpp", ".h")]
    count = 0
    for source in sources:
        for line, header in unused_includes(source):
            print(f"{source.relative_to(ROOT)}:{line}: nothing of {header} is used: remove the line")
            count += 1
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main())
