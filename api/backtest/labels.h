/// What is known of the past: events, or keys in a span of time, that were fraud, or were looked at
/// and are in order. A file has one JSON object a line:
///
///     {"events":["e5988","e6330"],"scenario":"card_testing"}
///     {"event":"e17","label":"ok"}
///     {"key":{"card":"c71"},"first_ts":1772438855229897,"last_ts":"2026-03-02T09:00:00Z"}
///
/// `label` is `fraud` where it is not said. `tocsin generate --truth` writes the first form.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "api/backtest/alert_facts.h"
#include "cep/base/result.h"
#include "cep/data/alert.h"
#include "cep/value/time.h"

namespace tocsin::api {
struct LabelledCase {
  std::string scenario;  // empty: not said
  bool is_fraud = true;
  /// When it was; absent where only events are named.
  std::optional<cep::EventTime> first, last;
};
/// Threading: many readers.
class Labels {
 public:
  /// Fails with kNotFound or kIo where the file cannot be read, and with kInvalidArgument, naming
  /// FILE:LINE and the remedy, for a line of another form.
  static Result<Labels> read(const std::string& path);
  /// The same of text; `name` is for messages.
  static Result<Labels> parse(std::string_view text, const std::string& name);

  const std::vector<LabelledCase>& cases() const { return cases_; }
  /// Appends the cases that the alert found, each once: one of its events is an event of the case,
  /// or the case is of its key and its time. `facts` are the alert's.
  void find(const cep::Alert& alert, const AlertFacts& facts,
            std::vector<std::uint32_t>& found) const;

 private:
  std::vector<LabelledCase> cases_;
  std::unordered_multimap<std::uint64_t, std::uint32_t> by_event_;  // digest of the id
  std::unordered_multimap<std::uint64_t, std::uint32_t> by_key_;    // digest of the key
};

/// What labels say of a set of alerts.
struct LabelCounts {
  std::uint64_t fraud = 0;       // alerts that found a fraud
  std::uint64_t ok = 0;          // others that found a case which is in order
  std::uint64_t unlabelled = 0;  // all others
  std::uint64_t found = 0;       // frauds that an alert found
  std::uint64_t frauds = 0;      // that there were in the time of the events
  /// Of those found, how many say when they began; from then to the first alert that found each, it
  /// took half of them `delay_half` at most, and all of them `delay_most`.
  std::uint64_t delays = 0;
  cep::Duration delay_half{};
  cep::Duration delay_most{};
  /// Of all alerts, the share that found a fraud; nothing without alerts.
  std::optional<double> precision() const;
  /// Of all frauds, the share that was found; nothing without frauds.
  std::optional<double> recall() const;
};
/// Counts the alerts of one rule, or of several, against labels.
class LabelTally {
 public:
  /// `found`: what Labels::find() gave for an alert at this time. Says whether a fraud is among it.
  bool add(const Labels& labels, const std::vector<std::uint32_t>& found, cep::EventTime at);
  /// Frauds that lie wholly outside of `first` to `last` do not count.
  LabelCounts counts(const Labels& labels, cep::EventTime first, cep::EventTime last) const;
  bool has_found(std::uint32_t which) const {
    return which < found_at_.size() && found_at_[which] != kNever;
  }

 private:
  static constexpr cep::EventTime kNever{INT64_MAX};
  LabelCounts counts_;
  std::vector<cep::EventTime> found_at_;  // by case: when the first alert did
};
/// Whether the case lies in the time from `first` to `last`, or does not say when it was.
bool is_within(const LabelledCase& labelled, cep::EventTime first, cep::EventTime last);
}  // namespace tocsin::api
