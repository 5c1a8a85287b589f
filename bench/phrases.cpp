/// What a rule costs that asks whether a memo contains one of many phrases, beside Hyperscan's own
/// scan of the same bytes (bench/README.md).
///
///   bench_phrases EVENTS RUNS FIGURES      appends a line of JSON for each number of phrases
#include <fmt/format.h>
#include <hs.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "bench/measure.h"
#include "bench/numbers.h"
#include "bench/report.h"
#include "cep/engine/engine.h"
#include "cep/plan/event_type.h"
#include "cep/plan/plan.h"

namespace {
using namespace tocsin;

constexpr std::size_t kRowsOfSlice = 2'048;
constexpr double kTarget = 0.8;

// A word of two to four syllables.
std::string word_of(bench::Numbers& numbers) {
  static constexpr const char* kSyllables[] = {"ba", "co",  "di", "fen", "ga", "hol", "in", "ka",
                                               "lo", "mer", "na", "or",  "pi", "ras", "se", "tu"};
  std::string word;
  for (std::uint64_t left = 2 + numbers.below(3); left > 0; --left) {
    word += kSyllables[numbers.below(std::size(kSyllables))];
  }
  return word;
}

// Of two words each.
std::vector<std::string> make_phrases(std::size_t count) {
  bench::Numbers numbers;
  std::set<std::string> phrases;
  while (phrases.size() < count) {
    std::string phrase = word_of(numbers);
    phrase += ' ';
    phrases.insert(phrase + word_of(numbers));
  }
  return {phrases.begin(), phrases.end()};
}

// Of three to eight words; one memo in 200 has a phrase instead of a word.
std::vector<std::string> make_memos(std::size_t count, const std::vector<std::string>& phrases) {
  static constexpr const char* kWords[] = {"shoes",  "pharmacy", "music", "refund", "tools",
                                           "repair", "invoice",  "rent",  "coffee", "books",
                                           "garden", "travel",   "gift",  "order",  "thanks"};
  bench::Numbers numbers;
  std::vector<std::string> memos(count);
  for (std::string& memo : memos) {
    const std::uint64_t words = 3 + numbers.below(6);
    const std::uint64_t phrase_at = numbers.below(200) == 0 ? numbers.below(words) : words;
    for (std::uint64_t i = 0; i < words; ++i) {
      if (i > 0) memo += ' ';
      memo += i == phrase_at ? phrases[numbers.below(phrases.size())]
                             : kWords[numbers.below(std::size(kWords))];
    }
  }
  return memos;
}

std::vector<cep::Batch> make_slices(const cep::Plan& plan, const std::vector<std::string>& memos) {
  std::vector<cep::Batch> slices;
  for (std::size_t i = 0; i < memos.size(); ++i) {
    if (i % kRowsOfSlice == 0) slices.emplace_back(plan);
    const cep::EventTime ts{static_cast<std::int64_t>(i)};
    slices.back().append(plan, cep::EventTypeIndex(0), ts, ts, {i + 1, 0},
                         {cep::Value::time(ts), cep::Value::integer(ts.us),
                          cep::Value::string(slices.back().texts.store(memos[i]))});
  }
  return slices;
}

// Hyperscan by itself.
class Hyperscan {
 public:
  // `flags`: of every phrase.
  Hyperscan(const std::vector<std::string>& phrases, unsigned flags) {
    std::vector<const char*> texts;
    std::vector<std::size_t> sizes;
    std::vector<unsigned> ids;
    for (const std::string& phrase : phrases) {
      texts.push_back(phrase.c_str());
      sizes.push_back(phrase.size());
      ids.push_back(static_cast<unsigned>(ids.size()));
    }
    const std::vector<unsigned> all_flags(phrases.size(), flags);
    hs_compile_error_t* error = nullptr;
    if (hs_compile_lit_multi(texts.data(), all_flags.data(), ids.data(), sizes.data(),
                             static_cast<unsigned>(phrases.size()), HS_MODE_BLOCK, nullptr,
                             &database_, &error) != HS_SUCCESS ||
        hs_alloc_scratch(database_, &scratch_) != HS_SUCCESS) {
      bench::die("Hyperscan does not compile the phrases");
    }
  }
  Hyperscan(const Hyperscan&) = delete;
  Hyperscan& operator=(const Hyperscan&) = delete;
  ~Hyperscan() {
    hs_free_scratch(scratch_);
    hs_free_database(database_);
  }
  // How often it reports one.
  std::uint64_t scan(std::string_view text) const {
    std::uint64_t reported = 0;
    const auto count = [](unsigned, unsigned long long, unsigned long long, unsigned, void* to) {
      ++*static_cast<std::uint64_t*>(to);
      return 0;
    };
    hs_scan(database_, text.data(), static_cast<unsigned>(text.size()), 0, scratch_, count,
            &reported);
    return reported;
  }

 private:
  hs_database_t* database_ = nullptr;
  hs_scratch_t* scratch_ = nullptr;
};

cep::Program program_of(const std::vector<std::string>& phrases) {
  std::string rules =
      "event payment { ts: time, id: int id, memo: string }\nlist phrases : text = [";
  for (std::size_t i = 0; i < phrases.size(); ++i) {
    rules += fmt::format("{}\"{}\"", i > 0 ? ", " : "", phrases[i]);
  }
  rules +=
      "]\nrule r \"Memo\" { when payment where memo contains any of phrases alert \"memo\" }\n";
  return bench::must(cep::compile(bench::text_plan(rules)));
}

// The alerts.
std::uint64_t run(const cep::Program& program, const std::vector<cep::Batch>& slices) {
  cep::Engine engine(program, 1);
  std::vector<cep::Alert> alerts;
  std::uint64_t count = 0;
  for (const cep::Batch& slice : slices) {
    engine.advance(slice, slice.rows.back().engine_time, alerts);
    count += alerts.size();
    alerts.clear();
  }
  return count;
}

void measure(std::size_t count, std::size_t events, int runs, const char* figures) {
  const std::vector<std::string> phrases = make_phrases(count);
  const std::vector<std::string> memos = make_memos(events, phrases);
  const Hyperscan of_text(phrases, HS_FLAG_SINGLEMATCH);
  const Hyperscan of_all(phrases, 0);
  std::string all;
  std::uint64_t expected = 0;
  for (const std::string& memo : memos) {
    all += memo;
    all += '\n';
    if (of_text.scan(memo) > 0) ++expected;
  }
  const cep::Program program = program_of(phrases);
  const std::vector<cep::Batch> slices = make_slices(program.plan(), memos);
  std::vector<double> texts, joined, engine;
  const auto time = [&](std::vector<double>& to, auto&& work) {
    const double start = bench::cpu_seconds();
    const std::uint64_t found = work();
    to.push_back((bench::cpu_seconds() - start) * 1e9 / static_cast<double>(events));
    if (found < expected) bench::die("a phrase was not found");
  };
  for (int i = 0; i < runs; ++i) {
    time(texts, [&] {
      std::uint64_t found = 0;
      for (const std::string& memo : memos) found += of_text.scan(memo);
      return found;
    });
    time(joined, [&] { return of_all.scan(all); });
    time(engine, [&] {
      const std::uint64_t alerts = run(program, slices);
      return alerts == expected ? alerts : 0;
    });
  }
  const double part = bench::median(texts) / bench::median(engine);
  std::printf("%10zu %12.1f %12.1f %12.1f %12.2f %8.2f %-8s %8llu\n", count, bench::median(texts),
              bench::median(joined), bench::median(engine), part, kTarget,
              part >= kTarget ? "met" : "missed", static_cast<unsigned long long>(expected));
  bench::Report report(fmt::format("phrases: {}", count),
                       "nanoseconds a memo; Hyperscan by memo over the whole engine");
  report.add("phrases", static_cast<double>(count));
  report.add("alerts", static_cast<double>(expected));
  report.add("hyperscan_by_memo_ns", bench::median(texts));
  report.add("hyperscan_of_all_ns", bench::median(joined));
  report.add("engine_ns", bench::median(engine));
  report.add("of_hyperscan", part);
  report.add("target", kTarget);
  report.append_to(figures);
}
}  // namespace

int main(int argc, char** argv) {
  const std::uint64_t events = argc == 4 ? std::strtoull(argv[1], nullptr, 10) : 0;
  const int runs = argc == 4 ? std::atoi(argv[2]) : 0;
  if (events == 0 || runs <= 0) bench::die("usage: bench_phrases EVENTS RUNS FIGURES");
  std::printf("%10s %12s %12s %12s %12s %8s %-8s %8s\n", "phrases", "Hyperscan", "of all", "engine",
              "Hyperscan", "target", "", "alerts");
  std::printf("%10s %12s %12s %12s %12s\n", "", "ns/memo", "at once", "ns/memo", "/engine");
  for (const std::size_t count : {10, 100, 1'000, 10'000}) measure(count, events, runs, argv[3]);
  return 0;
}
