# What ./do setup can install, by part, and what is missing. Sourced by ./do, whose functions it
# uses.

# Prints "debian-12", "ubuntu-24.04" or whatever this is. Tests name another file.
distribution() {
  (. "${TOCSIN_OS_RELEASE:-/etc/os-release}" 2>/dev/null && printf '%s-%s\n' "${ID:-unknown}" "${VERSION_ID:-}") || say unknown-
}

# Parts of what can be installed; ./do help says the same in short.
#   program  what builds and runs the program, and ./do demo
#   tests    what the suites need beyond it
#   bench    valgrind, which counts instructions
#   lint     clang-format, clang-tidy and pyflakes
#   fuzz     clang with libFuzzer
#   kafka    librdkafka and libprotobuf, with which the program is built where they are there, and what the tests' broker needs
#   python   what the Python package is built and tested with, and the API's contract; its environment is made of python/environment.lock;
#            another environment has an S3-compatible store, in which backups are kept
#   package  what makes a package of the program and looks at it
#   editors  Neovim, in which the language server is tried; node and npm, with which the extension for VS Code is made, and its packages;
#            an environment of Python with pytest-lsp; where cargo is, the generator of tree-sitter
#   console  node and npm, with which the web console is built, and its packages
#   browser  a browser, in which the web console is tried; --without-browser leaves it out
#   flink    a JDK and Maven, with which runtime/flink is built and tested; Maven fetches the rest
setup_parts=(program tests bench lint fuzz kafka python flink package editors console browser)

# packages PART…: prints the packages that this distribution needs for them, one per line.
packages() {
  local part boost clang_runtime jdk regex_library=libhyperscan-dev
  case "$(distribution)" in
    debian-12) boost=libboost1.81-dev clang_runtime=libclang-rt-14-dev jdk=17 ;;
    debian-13) boost=libboost-dev clang_runtime=libclang-rt-19-dev jdk=21 ;;
    ubuntu-24.04) boost=libboost-dev clang_runtime=libclang-rt-18-dev jdk=17 ;;
    *) return 1 ;;
  esac
  # Hyperscan is for x86; its port to other processors, with the same header, is not in Debian 12.
  if [ "$(dpkg --print-architecture)" != amd64 ]; then
    if [ "$(distribution)" = debian-12 ]; then regex_library=; else regex_library=libvectorscan-dev; fi
  fi
  for part in "$@"; do
    case "$part" in
      program)
        printf '%s\n' ca-certificates g++ cmake make ninja-build ccache mold pkgconf python3 "$boost" \
          $regex_library libexpected-dev libfmt-dev libxxhash-dev libsimdjson-dev librocksdb-dev \
          zlib1g-dev libzstd-dev libssl-dev libcpp-httplib-dev nlohmann-json3-dev libcli11-dev \
          libtomlplusplus-dev libutf8proc-dev tzdata
        ;;
      tests) printf '%s\n' git doctest-dev jq curl openssl ;;
      bench) printf '%s\n' valgrind ;;
      lint) printf '%s\n' git clang-format clang-tidy pyflakes3 ;;
      package) printf '%s\n' dpkg-dev binutils file ;;
      editors)
        printf '%s\n' neovim python3 python3-venv
        has_node || printf '%s\n' nodejs npm
        ;;
      console) has_node || printf '%s\n' nodejs npm ;;
      browser)
        # Ubuntu has it as a snap only.
        if [[ "$(distribution)" == debian-* ]] && ! has_browser; then printf '%s\n' chromium fonts-dejavu-core; fi
        ;;
      fuzz) printf '%s\n' clang "$clang_runtime" ;;
      python) printf '%s\n' python3 python3-dev python3-venv ;;
      flink) printf '%s\n' "openjdk-$jdk-jdk-headless" maven ;;
      kafka) printf '%s\n' librdkafka-dev libprotobuf-dev libprotoc-dev maven ;;  # Maven brings a Java runtime
    esac
  done
}

# Both may be there without being a package; the tests of ./do name others.
has_node() { command -v "${TOCSIN_NODE:-node}" >/dev/null && command -v npm >/dev/null; }
has_browser() { command -v "${TOCSIN_BROWSER:-chromium}" >/dev/null; }

# missing_packages PART…: prints the packages of these parts that are not installed; nothing on a
# distribution we do not know.
missing_packages() {
  command -v dpkg-query >/dev/null || return 0
  local wanted
  wanted="$(packages "$@")" || return 0
  # shellcheck disable=SC2086
  comm -23 <(sort -u <<<"$wanted") <(
    dpkg-query -W -f='${Package} ${db:Status-Status}\n' $wanted 2>/dev/null |
      awk '$2 == "installed" { print $1 }' | sort -u
  )
}

# has_part PART: whether all of a part is installed.
has_part() {
  [ -z "$(missing_packages "$1")" ] || return 1
  [ "$1" != tests ] || [ "$(with_tests)" = ON ]  # also where packages have other names
}

# ensure_setup PART…: installs what is missing of these parts.
ensure_setup() {
  if [ -n "$(missing_packages "$@")" ]; then verb_setup "$@"; fi
}

# Kafka itself is no package: its published artifacts are fetched with Maven. Without them the suite kafka is left
# out, and says so.
fetch_kafka_broker() {
  if timeout 100 bash "$root/scripts/kafka_broker.sh" fetch </dev/null; then return 0; fi
  say "setup: the Kafka broker could not be fetched; the suite kafka is left out"
}

# make_environment NAME LOCK SUITES: an environment of Python, build/tools/NAME, with the packages of a lock file, each known by its
# digest. Made again when that file changes. Without it those suites are left out, and say so.
make_environment() {
  local place="$build_root/tools/$1" lock="$root/$2" suites="$3"
  if cmp -s "$lock" "$place/environment.lock"; then return 0; fi
  rm -rf "$place"
  mkdir -p "$build_root/tools"
  if timeout 60 python3 -m venv "$place" >/dev/null 2>&1 &&
    timeout 400 "$place/bin/python" -m pip install -q --disable-pip-version-check --no-deps --only-binary :all: --require-hashes -r "$lock" </dev/null; then
    cp "$lock" "$place/environment.lock"
    say "setup: made the Python environment in $place"
  else
    rm -rf "$place"
    say "setup: the Python environment could not be made; left out: $suites"
    return 1
  fi
}
# What the tests of the Python package and of the API's contract run in, and the store of those of backups.
make_python_environment() {
  local left_out=0
  make_environment python python/environment.lock "python, contract" || left_out=1
  make_environment s3 tests/s3/environment.lock serve-backups-s3 || left_out=1
  return "$left_out"
}

# fetch_npm FOLDER WHAT WITHOUT [OPTION…]: npm's packages for a folder, in its node_modules, each known by its digest; again when
# the lock file changes.
fetch_npm() {
  local folder="$root/$1" what="$2" without="$3" place="$root/$1/node_modules"
  shift 3
  if cmp -s "$folder/package-lock.json" "$place/lock.json"; then return 0; fi
  if (cd "$folder" && timeout 300 npm ci --no-progress "$@" </dev/null); then
    cp "$folder/package-lock.json" "$place/lock.json"
    say "setup: fetched what $what is built with"
  else
    say "setup: npm could not fetch what $what is built with; $without"
    return 1
  fi
}
# CMake does the same (cmake/console.cmake), and builds the program without the console where it cannot.
fetch_console() { fetch_npm console "the web console" "the program is built without it"; }
# None of these packages needs a script of its own to be installed.
fetch_editors() {
  local left_out=0
  fetch_npm editors/vscode "the extension for VS Code" "the suite vscode is left out" --ignore-scripts --no-audit --no-fund || left_out=1
  make_environment lsp tests/lsp/environment.lock lsp-types || left_out=1
  build_grammar_check || left_out=1
  return "$left_out"
}

# The generator of tree-sitter, in build/tools/tree-sitter, by cargo, which no part installs: those of Debian 12 and Ubuntu 24.04
# are too old. Again when its source changes.
build_grammar_check() {
  local place="$build_root/tools/tree-sitter" folder="$root/editors/tree-sitter/check"
  local stamp="$place/source"
  if cat "$folder/Cargo.lock" "$folder/src/main.rs" | cmp -s - "$stamp"; then return 0; fi
  mkdir -p "$place"
  if command -v cargo >/dev/null && (cd "$folder" && CARGO_TARGET_DIR="$place" timeout 500 cargo build -q --locked </dev/null); then
    cat "$folder/Cargo.lock" "$folder/src/main.rs" >"$stamp"
    say "setup: built the generator of tree-sitter in $place"
  else
    say "setup: the generator of tree-sitter needs cargo 1.82 or newer; the suite tree-sitter is left out"
    return 1
  fi
}

# What Maven needs for runtime/flink, in build/tools/maven: a small test is run once with the network, so that all others
# run without. Again when pom.xml changes. Without it the suite flink is left out, and says so.
fetch_flink() {
  local place="$build_root/tools/maven" pom="$root/runtime/flink/pom.xml" maven
  if cmp -s "$pom" "$place/pom.xml"; then return 0; fi
  mkdir -p "$place"
  maven=(timeout 400 mvn -q -B -ntp -Dstyle.color=never -f "$pom" "-Dmaven.repo.local=$place" "-Dtocsin.build=$build_root/release")
  # Sources that do not compile are for the suite to find.
  if "${maven[@]}" -Dtest=KeyGroupsTest -Dmdep.includeScope=test "-Dmdep.outputFile=$place/classpath" package dependency:build-classpath </dev/null ||
    "${maven[@]}" dependency:resolve </dev/null; then
    cp "$pom" "$place/pom.xml"
    say "setup: fetched what Flink needs into $place"
  else
    say "setup: Maven could not fetch what Flink needs; the suite flink is left out"
    return 1
  fi
}

# Tests of the alert rules in deploy/ need promtool. The package would start a server of its own, so
# the program alone is taken out of it. Without it those tests are left out, and say so.
fetch_promtool() {
  local place="$build_root/tools" work
  if command -v promtool >/dev/null || [ -x "$place/promtool" ] || ! command -v apt-get >/dev/null; then return 0; fi
  work="$(mktemp -d)"
  if (cd "$work" && timeout 120 apt-get -q download prometheus >/dev/null 2>&1 &&
    dpkg-deb --fsys-tarfile prometheus_*.deb | tar -xf - ./usr/bin/promtool); then
    mkdir -p "$place"
    mv "$work/usr/bin/promtool" "$place/promtool"
    say "setup: fetched promtool into $place"
  else
    say "setup: promtool could not be fetched; tests of the alert rules are left out"
  fi
  rm -rf "$work"
}
