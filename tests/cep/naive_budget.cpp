#include "tests/cep/naive_budget.h"

#include <fmt/format.h>

#include <algorithm>

#include "cep/value/key.h"

namespace tocsin::tests {
using cep::BudgetCause;

namespace {
constexpr std::int64_t kHourUs = 3'600'000'000;
}  // namespace

void NaiveBudget::exceed(std::int64_t now, const std::string& key, BudgetCause cause) {
  const auto [hour, is_new] = hours.try_emplace({"r", cause}, now / kHourUs);
  if (!is_new && std::exchange(hour->second, now / kHourUs) == now / kHourUs) {
    return;
  }
  later.push_back(fmt::format("{} budget {} {}", now / 1'000, cep::budget_name(cause), key));
}

void NaiveBudget::lose(std::vector<Run>::iterator run, std::int64_t now) {
  auto& [count, until] = lost[run->key];
  ++count;
  until = now + within_us;
}

void NaiveBudget::take(const oracle::PlacedEvent& event, bool is_start, const std::string& key,
                       std::uint64_t event_bytes) {
  const std::int64_t now = event.engine_time.us;
  std::erase_if(runs, [&](const Run& run) { return now >= run.time_us + within_us; });
  const bool any = std::ranges::any_of(runs, [&](const Run& run) { return run.key == key; });
  const auto known = lost.find(key);
  if (known != lost.end() && !any && now >= known->second.second) lost.erase(known);
  later.clear();
  if (!is_start) {
    for (const Run& run : runs) {
      if (run.key != key) continue;
      const auto found = lost.find(key);
      out.push_back(fmt::format("{} {} {}-{} lost {}", now / 1'000, key, run.arrival + 1,
                                event.arrival + 1, found == lost.end() ? 0 : found->second.first));
      if (found != lost.end()) lost.erase(found);
    }
  } else {
    runs.push_back(
        {now, event.arrival, key, cep::kPartialMatchBytes + cep::kPlaceBytes + event_bytes});
    keep_key(key, now);
    keep_group(key, now);
  }
  // Of one event: by key, which a group has none of.
  std::ranges::stable_sort(later, {}, [](const std::string& line) { return line.back() != ' '; });
  out.insert(out.end(), later.begin(), later.end());
}

void NaiveBudget::keep_key(const std::string& key, std::int64_t now) {
  const auto beyond = [&](BudgetCause cause, auto&& is_over) {
    std::uint64_t count = 0;
    std::uint64_t bytes = 0;
    for (auto run = runs.end(); run != runs.begin();) {
      --run;
      if (run->key != key) continue;
      ++count;
      bytes += run->bytes;
      if (!is_over(count, bytes)) continue;
      exceed(now, key, cause);
      for (auto older = runs.begin(); older <= run; ++older) {
        if (older->key == key) lose(older, now);
      }
      const std::size_t arrival = run->arrival;
      std::erase_if(runs, [&](const Run& one) { return one.key == key && one.arrival <= arrival; });
      return;
    }
  };
  beyond(BudgetCause::kRunsPerKey,
         [&](std::uint64_t count, std::uint64_t) { return count > limits.runs_per_key_max; });
  // Whichever is met first, from the newest on.
  std::uint64_t count = 0;
  std::uint64_t bytes = 0;
  BudgetCause cause = BudgetCause::kEventsPerKey;
  for (auto run = runs.rbegin(); run != runs.rend(); ++run) {
    if (run->key != key) continue;
    ++count;
    bytes += run->bytes;
    if (count > limits.events_per_key_max) break;
    cause = BudgetCause::kBytesPerKey;
    if (bytes > limits.bytes_per_key_max) break;
    cause = BudgetCause::kEventsPerKey;
  }
  beyond(cause, [&](std::uint64_t events, std::uint64_t of) {
    return events > limits.events_per_key_max || of > limits.bytes_per_key_max;
  });
}

void NaiveBudget::keep_group(const std::string& key, std::int64_t now) {
  const auto in_group = [&](const Run& run) {
    const auto group_of = [](const std::string& text) {
      const cep::Value part[] = {cep::Value::string(text)};
      return cep::key_group(cep::key_bytes(part));
    };
    return group_of(run.key) == group_of(key);
  };
  std::uint64_t count = 0;
  std::uint64_t bytes = 0;
  for (const Run& run : runs) {
    if (!in_group(run)) continue;
    ++count;
    bytes += run.bytes;
  }
  const bool runs_over = count > limits.runs_per_group_max;
  const bool bytes_over = bytes > limits.bytes_per_group_max;
  if (runs_over) exceed(now, "", BudgetCause::kRunsPerGroup);
  if (bytes_over) exceed(now, "", BudgetCause::kBytesPerGroup);
  if (!runs_over && !bytes_over) return;
  for (auto run = runs.begin(); run != runs.end();) {
    if (limits.runs_per_group_max - limits.runs_per_group_max / 8 >= count &&
        limits.bytes_per_group_max - limits.bytes_per_group_max / 8 >= bytes) {
      break;
    }
    if (!in_group(*run)) {
      ++run;
      continue;
    }
    lose(run, now);
    --count;
    bytes -= run->bytes;
    run = runs.erase(run);
  }
}
}  // namespace tocsin::tests
