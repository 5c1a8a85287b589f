/// A stream of many keys for benchmarks: a `count over last 10m` by a key of nine bytes, all keys
/// one after the other in an order of no meaning, again and again.
#pragma once
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "cep/engine/engine.h"
#include "rules/context/rules.h"

namespace tocsin::bench {
[[noreturn]] inline void die(const std::string& message) {
  std::fprintf(stderr, "bench: %s\n", message.c_str());
  std::exit(1);
}
template <typename T>
T must(Result<T> result) {
  if (!result) die(result.error().message);
  return std::move(*result);
}
inline void must(const Result<void>& result) {
  if (!result) die(result.error().message);
}

inline cep::Program many_keys_program() {
  static constexpr const char* kRules = R"(
event payment { ts: time, id: int id, card: string }
rule often "Many payments" {
  by card
  when payment where count(payment) over last 10m >= 100
  alert "often"
}
)";
  const rules::Loaded loaded = rules::load(
      {"keys.tocsin"}, [](const std::string&) -> Result<std::string> { return kRules; });
  if (!loaded.rules) die(rules::render(loaded.sources, loaded.diagnostics.front()));
  return must(cep::compile(loaded.rules->plan));
}

/// Gives slices to an engine.
class ManyKeys {
 public:
  static constexpr std::size_t kSliceRows = 2048;
  ManyKeys(const cep::Program& program, std::uint64_t keys)
      : plan_(program.plan()), batch_(plan_), keys_(keys) {
    if (keys == 0 || keys > 99'999'999 || keys % kStep == 0) die("that is no number of keys");
  }
  /// Prepares the next slice of so many rows, a microsecond apart.
  void prepare(std::size_t rows) {
    batch_.clear();
    for (std::size_t i = 0; i < rows; ++i) {
      char card[24];
      std::snprintf(card, sizeof(card), "C%08llu",
                    static_cast<unsigned long long>(events_ * kStep % keys_));
      ++events_;
      const auto us = static_cast<std::int64_t>(events_);
      batch_.append(plan_, cep::EventTypeIndex(0), {us}, {us}, {events_, 0},
                    {cep::Value::time({us}), cep::Value::integer(us), cep::Value::string(card)});
    }
  }
  /// Gives the prepared slice.
  void advance(cep::Engine& engine) {
    engine.advance(batch_, {static_cast<std::int64_t>(events_)}, alerts_);
    alerts_.clear();
  }
  /// So many events of each key.
  void fill(cep::Engine& engine, std::uint64_t events_of_key) {
    for (std::uint64_t left = keys_ * events_of_key; left != 0;) {
      const std::size_t rows = left < kSliceRows ? left : kSliceRows;
      prepare(rows);
      advance(engine);
      left -= rows;
    }
  }

 private:
  static constexpr std::uint64_t kStep = 7'919;
  const cep::Plan& plan_;
  cep::Batch batch_;
  std::vector<cep::Alert> alerts_;
  std::uint64_t keys_;
  std::uint64_t events_ = 0;
};
}  // namespace tocsin::bench
