# shellcheck shell=bash
# The verbs of ./do that build something and then run a script; sourced by ./do, whose functions they use.

# run_script "PART…" PRESET TARGET SCRIPT ARGS…: installs the parts that are missing, builds, then runs the script in the caller's folder with
# TOCSIN_ROOT, TOCSIN_BUILD_DIR and TOCSIN_BINARY set.
run_script() {
  local parts="$1" dir="$build_root/$2" preset="$2" target="$3" script="$root/$4"
  shift 4
  [ -f "$script" ] || die "there is no script: ${script#"$root"/}"
  # shellcheck disable=SC2086
  ensure_setup program $parts
  build_preset "$preset" "$target"
  cd "$caller"
  TOCSIN_ROOT="$root" TOCSIN_BUILD_DIR="$dir" TOCSIN_BINARY="$dir/tocsin" bash "$script" "$@"
}

verb_demo() { run_script "" release tocsin scripts/demo.sh "$@"; }
verb_bench() {
  local part=""
  case "${1:-}" in --instructions | --flame) part=bench ;; live) part=kafka ;; flink) part=flink ;; esac
  run_script "tests $part" release all bench/run.sh "$@"
}
# The target `oracle` is of the release build, and alone needs no clang.
verb_fuzz() {
  local argument before="" fuzzers=0 oracle=0 parts="tests fuzz" preset=fuzz target=fuzzers
  for argument in "$@"; do
    if [ "$before" != --time ]; then
      case "$argument" in oracle) oracle=1 ;; -*) ;; *) fuzzers=1 ;; esac
    fi
    before="$argument"
  done
  if [ "$fuzzers" = 0 ] && [ "$oracle" = 1 ]; then
    parts=tests preset=release target=property_tests
  elif [ "$fuzzers" = 0 ] || [ "$oracle" = 1 ]; then
    (ensure_setup program tests && build_preset release property_tests)
  fi
  run_script "$parts" "$preset" "$target" tests/fuzz/run.sh "$@"
}
verb_crash() { run_script tests release all tests/crash/crash.sh "$@"; }
verb_contract() {
  ensure_setup python
  make_python_environment || die "the Python environment could not be made"
  run_script tests release tocsin tests/contract/contract.sh "$@"
}
verb_attack() { run_script tests release tocsin tests/attack/attack.sh "$@"; }
verb_soak() { run_script tests release tocsin tests/soak/soak.sh "$@"; }
verb_shake() { run_script tests release all tests/shake/shake.sh "$@"; }
verb_sim() { run_script tests release simulation tests/simulation/sim.sh "$@"; }
verb_flink() {
  ensure_setup program flink kafka
  fetch_flink
  run_script "tests flink kafka" release all runtime/flink/cluster.sh "$@"
}
verb_stages() { run_script tests release property_tests tests/property/stages.sh "$@"; }
verb_package() {
  if [ "${1:-}" != --fresh ]; then
    run_script package release tocsin scripts/package.sh "$@"
    return
  fi
  [ $# = 2 ] || usage_error "package --fresh takes a release of Debian or Ubuntu: bookworm, trixie, noble"
  TOCSIN_ROOT="$root" TOCSIN_BUILD_DIR="$build_root/release" bash scripts/fresh_root.sh "$2"
}
verb_conformance() { run_script tests release conformance tests/conformance/run.sh "$@"; }
