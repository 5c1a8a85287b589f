#include "api/generate/command_generate.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/base/output_file.h"
#include "api/generate/arrival_order.h"
#include "api/generate/payment_event.h"
#include "api/generate/payment_stream.h"
#include "api/generate/planted_fraud.h"
#include "cep/value/time.h"
#include "rules/text/human_text.h"

namespace tocsin::api {
namespace {
constexpr std::size_t kBlockBytes = 256 * 1024;
constexpr double kYearsMax = 100.0;
constexpr double kSecondsOfYear = 365.25 * 86'400;

struct GenerateOptions {
  PaymentStreamOptions stream;
  std::string start;     // empty: not said
  std::string disorder;  // empty: none
  std::string out = "-";
  std::string truth;  // empty: none
  bool quiet = false;
};

// What the stream came to, for the summary.
struct Totals {
  std::uint64_t events = 0;
  std::uint64_t bytes = 0;
  std::uint64_t scenarios = 0;
  std::int64_t first_us = 0;
  std::int64_t last_us = 0;
};

/// Writes events through blocks, scenarios line by line.
class StreamWriter {
 public:
  StreamWriter(OutputFile out, std::optional<OutputFile> truth)
      : out_(std::move(out)), truth_(std::move(truth)) {}

  Result<void> write(const PaymentEvent& event) {
    append_event(event, block_);
    return block_.size() >= kBlockBytes ? write_block() : Result<void>{};
  }
  Result<void> write(const std::vector<PlantedFraud>& planted) {
    totals_.scenarios += planted.size();
    Result<void> written;
    for (std::size_t i = 0; truth_ && written && i < planted.size(); ++i)
      written = truth_->write_line(format_planted_fraud(planted[i]));
    return written;
  }
  Result<void> close() {
    Result<void> written = write_block();
    if (written) written = out_.close();
    if (written && truth_) written = truth_->close();
    return written;
  }
  Totals& totals() { return totals_; }

 private:
  // A block is some lines at once; the last one's end is the file's to write.
  Result<void> write_block() {
    if (block_.empty()) return {};
    totals_.bytes += block_.size();
    Result<void> written = out_.write_line(std::string_view(block_).substr(0, block_.size() - 1));
    block_.clear();
    return written;
  }

  OutputFile out_;
  std::optional<OutputFile> truth_;
  std::string block_;
  Totals totals_;
};

Result<void> write_stream(const PaymentStreamOptions& options, std::int64_t disorder_us,
                          StreamWriter& writer) {
  PaymentStream stream(options);
  ArrivalOrder arrivals(disorder_us, options.seed);
  PaymentEvent event;
  Totals& totals = writer.totals();
  while (stream.next(event)) {
    if (totals.events++ == 0) totals.first_us = event.ts_us;
    totals.last_us = event.ts_us;
    if (disorder_us == 0) {
      if (Result<void> written = writer.write(event); !written) return written;
    } else {
      arrivals.push(event);
      while (arrivals.pop(event, /*at_end=*/false)) {
        if (Result<void> written = writer.write(event); !written) return written;
      }
    }
    if (Result<void> written = writer.write(stream.take_completed()); !written) return written;
  }
  while (arrivals.pop(event, /*at_end=*/true)) {
    if (Result<void> written = writer.write(event); !written) return written;
  }
  return {};
}

// Reads and checks what the options say; gives the disorder in microseconds.
Result<std::int64_t> check(GenerateOptions& options) {
  PaymentStreamOptions& stream = options.stream;
  if (stream.events < 1) return fail(Errc::kInvalidArgument, "--events must be at least 1");
  if (!(stream.rate >= 0.001 && stream.rate <= 1e6))
    return fail(Errc::kInvalidArgument, "--rate must be from 0.001 to 1000000 events a second");
  if (static_cast<double>(stream.events) / stream.rate > kYearsMax * kSecondsOfYear) {
    return fail(Errc::kInvalidArgument,
                "--events at this --rate would last more than a hundred years");
  }
  if (stream.accounts != 0 && (stream.accounts < kAccountsMin || stream.accounts > kAccountsMax)) {
    return fail(Errc::kInvalidArgument,
                fmt::format("--accounts must be from {} to {}", rules::format_count(kAccountsMin),
                            rules::format_count(kAccountsMax)));
  }
  if (!(stream.fraud_per_thousand >= 0 && stream.fraud_per_thousand <= 20))
    return fail(Errc::kInvalidArgument, "--fraud must be from 0 to 20 scenarios in 1,000 events");
  if (!options.start.empty()) {
    const std::optional<cep::EventTime> start = cep::parse_time(options.start);
    if (!start || start->us < 0 || start->us > 253'402'300'799'000'000) {
      return fail(
          Errc::kInvalidArgument,
          "--start takes a time from 1970 on such as 2026-03-02T08:00:00Z: " + options.start);
    }
    stream.start_us = start->us;
  }
  std::int64_t disorder_us = 0;
  if (!options.disorder.empty()) {
    const std::optional<cep::Duration> disorder = cep::parse_duration(options.disorder);
    if (!disorder || disorder->us < 0 || disorder->us > cep::kDayUs) {
      return fail(Errc::kInvalidArgument,
                  "--disorder takes a duration up to 1d such as 800ms: " + options.disorder);
    }
    disorder_us = disorder->us;
  }
  for (const std::string& path : {options.out, options.truth}) {
    if (path.ends_with(".gz") || path.ends_with(".zst")) {
      return fail(Errc::kInvalidArgument,
                  "generate writes plain lines; compress them afterwards, or name the file "
                  "otherwise: " +
                      path);
    }
  }
  if (options.out == options.truth)
    return fail(Errc::kInvalidArgument, "--out and --truth are the same: " + options.out);
  return disorder_us;
}

std::string summary_of(const Totals& totals, const std::string& out, double seconds) {
  const double span = static_cast<double>(totals.last_us - totals.first_us) * 1e-6;
  return fmt::format("{} over {} of event time, {} planted; {} to {} in {}",
                     rules::format_count(totals.events, "event"), rules::format_seconds(span),
                     rules::format_count(totals.scenarios, "fraud scenario"),
                     rules::format_bytes(totals.bytes), out == "-" ? "standard output" : out,
                     rules::format_seconds(seconds));
}

ExitCode generate(GenerateOptions options) {
  const auto begin = std::chrono::steady_clock::now();
  const Result<std::int64_t> disorder_us = check(options);
  if (!disorder_us) return end_with(ExitCode::kUsage, disorder_us.error().message);
  Result<OutputFile> out = OutputFile::open(options.out);
  if (!out) return end_with(ExitCode::kInputOutput, out.error().message);
  std::optional<OutputFile> truth;
  if (!options.truth.empty()) {
    Result<OutputFile> opened = OutputFile::open(options.truth);
    if (!opened) return end_with(ExitCode::kInputOutput, opened.error().message);
    truth.emplace(std::move(*opened));
  }
  StreamWriter writer(std::move(*out), std::move(truth));
  Result<void> written = write_stream(options.stream, *disorder_us, writer);
  if (written) written = writer.close();
  if (!written) return end_with(ExitCode::kInputOutput, written.error().message);
  if (!options.quiet) {
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begin;
    tell(fmt::format("{}\n", summary_of(writer.totals(), options.out, taken.count())));
  }
  return ExitCode::kSuccess;
}
}  // namespace

void add_generate_command(CLI::App& program, Chosen& chosen) {
  auto options = std::make_shared<GenerateOptions>();
  CLI::App* command = program.add_subcommand(
      "generate", "Generate a realistic stream of payments with planted fraud, as JSON lines");
  command->add_option("--events", options->stream.events, "The number of events (default: 1000000)")
      ->type_name("N");
  command
      ->add_option("--seed", options->stream.seed,
                   "The same seed gives the same bytes, another seed another stream (default: 1)")
      ->type_name("N");
  command
      ->add_option("--out", options->out,
                   "Where events are written; the file is replaced (default: -, standard output)")
      ->type_name("FILE");
  command
      ->add_option("--truth", options->truth,
                   "Write one line there for every planted scenario; the file is replaced")
      ->type_name("FILE");

  constexpr const char* kShape = "Shape";
  command
      ->add_option("--disorder", options->disorder,
                   "How long after they happened events may arrive (default: 0s, in time order)")
      ->type_name("DURATION")
      ->group(kShape);
  command
      ->add_option(
          "--rate", options->stream.rate,
          "Events per second of event time, averaged over a day (default: 12, a million a day)")
      ->type_name("N")
      ->group(kShape);
  command
      ->add_option("--start", options->start,
                   "Time of the first event (default: 2026-03-02T08:00:00Z)")
      ->type_name("TIME")
      ->group(kShape);
  command
      ->add_option(
          "--accounts", options->stream.accounts,
          "The number of accounts (default: 5000 for each event per second, at most 2000000)")
      ->type_name("N")
      ->group(kShape);
  command
      ->add_option(
          "--fraud", options->stream.fraud_per_thousand,
          "Planted scenarios per 1,000 events; near misses are twice as many (default: 0.5)")
      ->type_name("N")
      ->group(kShape);
  command->add_flag("-q,--quiet", options->quiet, "No summary at the end");

  command->footer(
      R"(Events (`ts` is the event time in microseconds, amounts have two decimals):
  payment          id ts card account device? merchant mcc amount currency country channel
  login            id ts account device ip country ok
  password_change  id ts account
  transfer         id ts account to_account amount new_payee
  otp_ok           id ts account
Accounts, cards and merchants are skewed, days have a rhythm, people travel. `device` is there where
`channel` is ecom. Planted are card testing, account takeover, impossible travel, velocity, escalation,
unconfirmed transfers and shared devices, and near misses of each; --truth says what, with which key
and which events, in the order in which they are complete. docs/generate.md describes them.

Exit codes:
  0  all was written
  2  wrong command line
  3  a file cannot be written

Examples:
  tocsin generate --events 1000000 --seed 1 --disorder 800ms --out events.ndjson --truth truth.ndjson
  tocsin generate --events 20000 --fraud 5 | tocsin run rules/ --input -)");
  command->callback([&chosen, options] { chosen.run = [options] { return generate(*options); }; });
}
}  // namespace tocsin::api
