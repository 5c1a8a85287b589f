/// Memory of many keys: three events of each key in the window. What the engine counts, and what
/// the system gave the process, over the number of keys; also where changed keys are kept account
/// of, for checkpoints.
///
///   bench_keys [KEYS…]
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "bench/many_keys.h"
#include "bench/process_memory.h"
#include "cep/engine/engine.h"

namespace {
using namespace tocsin;

void measure(const cep::Program& program, std::uint64_t keys, bool is_tracked) {
  const std::size_t before = bench::resident_bytes();
  cep::Engine engine(program, 1);
  if (is_tracked) engine.track_changes();
  bench::ManyKeys(program, keys).fill(engine, 3);
  const cep::EngineStats stats = engine.stats();
  if (stats.keys != keys) bench::die("all keys are there");
  const auto of_key = [&](std::size_t bytes) {
    return static_cast<double>(bytes) / static_cast<double>(keys);
  };
  std::printf("%10llu %8s %14.1f %14.1f\n", static_cast<unsigned long long>(keys),
              is_tracked ? "yes" : "no", of_key(stats.state_bytes),
              of_key(bench::resident_bytes() - before));
}
}  // namespace

int main(int argc, char** argv) {
  std::vector<std::uint64_t> sizes;
  for (int i = 1; i < argc; ++i) sizes.push_back(std::strtoull(argv[i], nullptr, 10));
  if (sizes.empty()) sizes = {300'000, 500'000, 700'000, 1'000'000, 1'400'000, 2'000'000};
  const cep::Program program = bench::many_keys_program();
  std::printf("%10s %8s %14s %14s\n", "keys", "changes", "bytes of state", "resident bytes");
  std::printf("%10s %8s %14s %14s\n", "", "tracked", "a key", "a key");
  for (const bool is_tracked : {false, true}) {
    for (const std::uint64_t keys : sizes) measure(program, keys, is_tracked);
  }
  return 0;
}
