/// A backtest that somebody asked a server for: what was asked, and how it stands.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/backtest/backtest_rates.h"
#include "api/rules/rule_pack.h"
#include "cep/base/result.h"
#include "cep/value/time.h"

namespace tocsin::api {
/// What is to be run.
struct BacktestRequest {
  RulePack rules;
  std::optional<RulePack> against;
  std::vector<std::string> against_named;  // as the report names them
  std::string from, to;                    // as archive_span() has them; empty: all
  std::string lists_as_of;                 // empty: lists change as they did
  std::optional<std::string> labels;       // lines, as Labels::parse() has them
  bool labels_by_triage = false;           // instead: what people made of the server's alerts
  std::string value;                       // TallyOptions::value
  bool varies = false;
  std::size_t variants_max = 200;
  std::size_t samples = 3;
  bool final_watermark = true;
};

enum class BacktestState : std::uint8_t { kQueued, kRunning, kDone, kFailed, kCancelled };
/// "queued", …
std::string_view name_of(BacktestState state);
/// Whether nothing more comes of it.
bool has_ended(BacktestState state);

/// How it stands, as its file has it.
struct BacktestJob {
  std::uint64_t number = 0;
  BacktestState state = BacktestState::kQueued;
  std::string who;      // the name of a token
  std::string request;  // what was asked, for people: a JSON object
  cep::EventTime asked_at;
  std::optional<cep::EventTime> began_at, ended_at;
  std::string failure;             // why it failed; empty otherwise
  std::vector<std::string> notes;  // what of the archive was not read
  /// Of one that is done; nothing: it read no event, or an earlier version of the program ran it.
  std::shared_ptr<const BacktestRates> rates;
};
/// What GET answers, without what only a running one has.
nlohmann::ordered_json job_json(const BacktestJob& job);
/// The text of its file.
std::string job_file_text(const BacktestJob& job);
/// Reads it back. Fails with kCorrupt for a damaged text or another backtest's, kOtherVersion for a
/// newer format, naming `path`.
Result<BacktestJob> parse_job(const std::string& text, std::uint64_t number,
                              const std::string& path);
}  // namespace tocsin::api
