/// What the measuring programs share: CPU time, medians, rule files, and the rows of figures that a
/// program prints and writes as JSON.
#pragma once
#include <algorithm>
#include <cstddef>
#include <ctime>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "bench/many_keys.h"
#include "cep/plan/plan.h"
#include "rules/context/rules.h"

namespace tocsin::bench {
inline double seconds_of(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}
/// CPU time of all threads of the process.
inline double cpu_seconds() { return seconds_of(CLOCK_PROCESS_CPUTIME_ID); }
/// CPU time of the calling thread.
inline double thread_seconds() { return seconds_of(CLOCK_THREAD_CPUTIME_ID); }

/// The value that so large a part of the others does not exceed; 0.5: the median.
inline double percentile(std::vector<double> values, double part) {
  std::sort(values.begin(), values.end());
  return values[static_cast<std::size_t>(part * static_cast<double>(values.size() - 1))];
}
inline double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

inline Result<std::string> read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return fail(Errc::kNotFound, "cannot read " + path);
  return std::string(std::istreambuf_iterator<char>(file), {});
}
/// The plan of rule files; ends the program with the first diagnostic if they have mistakes.
inline std::shared_ptr<const cep::Plan> load_plan(const std::vector<std::string>& paths) {
  const rules::Loaded loaded = rules::load(paths, read_file);
  if (!loaded.rules) die(rules::render(loaded.sources, loaded.diagnostics.front()));
  return loaded.rules->plan;
}
/// The plan of one rule text.
inline std::shared_ptr<const cep::Plan> text_plan(const std::string& text) {
  const rules::Loaded loaded = rules::load(
      {"bench.tocsin"}, [&](const std::string&) -> Result<std::string> { return text; });
  if (!loaded.rules) die(rules::render(loaded.sources, loaded.diagnostics.front()));
  return loaded.rules->plan;
}
}  // namespace tocsin::bench
