#include "api/jobs/job_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <utility>

#include "api/base/sealed_json.h"
#include "runtime/journal/file_tree.h"

namespace tocsin::api {
namespace {
using nlohmann::ordered_json;
constexpr std::string_view kReportEnding = ".report.json";
constexpr std::string_view kJobEnding = ".json";
constexpr std::string_view kNextFile = "next.json";

// The number of a file with that ending; nothing for another file.
std::optional<std::uint64_t> number_of(std::string_view name, std::string_view ending) {
  if (!name.ends_with(ending)) return std::nullopt;
  name.remove_suffix(ending.size());
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (error != std::errc() || end != name.data() + name.size() || number == 0) return std::nullopt;
  return number;
}
}  // namespace

JobFile job_file_of(const std::string& name) {
  if (name == kNextFile) return {JobFile::Kind::kNext, 0};
  if (const auto number = number_of(name, kReportEnding)) return {JobFile::Kind::kReport, *number};
  if (const auto number = number_of(name, kJobEnding)) return {JobFile::Kind::kJob, *number};
  return {};
}

std::string name_of_report(std::uint64_t number) {
  return fmt::format("{:08}{}", number, kReportEnding);
}

Result<StoredReport> parse_report(const std::string& text, std::uint64_t number,
                                  const std::string& path) {
  const Result<ordered_json> json = unseal_json(text, path);
  if (!json) return tl::unexpected(json.error());
  try {
    if (json->at("number").get<std::uint64_t>() == number) {
      return StoredReport{json->at("json").get<std::string>(), json->at("text").get<std::string>(),
                          json->at("html").get<std::string>()};
    }
  } catch (const ordered_json::exception&) {
    // It is no report.
  }
  return fail(Errc::kCorrupt, path + " is damaged: it is not the report of this backtest");
}

Result<std::uint64_t> parse_next_number(const std::string& text, const std::string& path) {
  const Result<ordered_json> json = unseal_json(text, path);
  if (!json) return tl::unexpected(json.error());
  const auto next = json->find("next");
  if (next == json->end() || !next->is_number_unsigned()) {
    return fail(Errc::kCorrupt, path + " is damaged: it has no number");
  }
  return next->get<std::uint64_t>();
}

std::string JobStore::path_of(std::uint64_t number) const {
  return fmt::format("{}/{:08}{}", folder_, number, kJobEnding);
}
std::string JobStore::path_of_report(std::uint64_t number) const {
  return folder_ + "/" + name_of_report(number);
}

Result<JobStore> JobStore::open(runtime::Files& files, std::string folder) {
  JobStore store(files, std::move(folder));
  if (auto made = runtime::make_durable_directory(files, store.folder_); !made) {
    return tl::unexpected(runtime::to_error(made.error()));
  }
  const auto names = files.list(store.folder_);
  if (!names) return tl::unexpected(runtime::to_error(names.error()));
  for (const std::string& name : *names) {
    if (auto loaded = store.load(name); !loaded) return tl::unexpected(loaded.error());
  }
  // Reports of what was not done, or was removed.
  for (auto report = store.reports_.begin(); report != store.reports_.end();) {
    const auto job = store.jobs_.find(report->first);
    const bool is_damaged = job == store.jobs_.end() &&
                            runtime::exists(files, store.path_of(report->first)).value_or(true);
    if (is_damaged || (job != store.jobs_.end() && job->second.state == BacktestState::kDone)) {
      ++report;
      continue;
    }
    const std::string path = store.path_of_report(report->first);
    if (auto gone = runtime::remove_tree(files, path); !gone) return tl::unexpected(gone.error());
    report = store.reports_.erase(report);
  }
  return store;
}

Result<void> JobStore::load(const std::string& name) {
  const std::string path = folder_ + "/" + name;
  const auto [kind, number] = job_file_of(name);
  if (kind == JobFile::Kind::kNext) return load_next(path);
  if (kind == JobFile::Kind::kReport) {
    const auto file = files_->open(path, runtime::OpenMode::kRead);
    if (!file) return tl::unexpected(runtime::to_error(file.error()));
    const auto size = (*file)->size();
    if (!size) return tl::unexpected(runtime::to_error(size.error()));
    reports_[number] = *size;
    next_ = std::max(next_, number + 1);
    return {};
  }
  if (kind == JobFile::Kind::kOther) {  // what a crash left, or somebody else's
    return name.ends_with(runtime::kUnfinishedEnding) ? runtime::remove_tree(*files_, path)
                                                      : Result<void>();
  }
  next_ = std::max(next_, number + 1);
  const auto text = runtime::read_whole(*files_, path);
  if (!text) return tl::unexpected(runtime::to_error(text.error()));
  Result<BacktestJob> job = parse_job(*text, number, path);
  if (!job && job.error().code == Errc::kCorrupt) {
    damaged_.push_back(job.error().message);
    return {};
  }
  if (!job) return tl::unexpected(job.error());
  jobs_[number] = *std::move(job);
  return {};
}

Result<void> JobStore::load_next(const std::string& path) {
  const auto text = runtime::read_whole(*files_, path);
  if (!text) return tl::unexpected(runtime::to_error(text.error()));
  const Result<std::uint64_t> next = parse_next_number(*text, path);
  if (next) {
    next_ = std::max(next_, *next);
  } else if (next.error().code == Errc::kCorrupt) {
    damaged_.push_back(next.error().message);
  } else {
    return tl::unexpected(next.error());
  }
  return {};
}

std::uint64_t JobStore::report_bytes() const {
  std::uint64_t bytes = 0;
  for (const auto& [number, size] : reports_) bytes += size;
  return bytes;
}

Result<void> JobStore::put(const BacktestJob& job) {
  if (auto put = runtime::put_file(*files_, path_of(job.number), job_file_text(job)); !put) {
    return put;
  }
  note(job);
  return {};
}

void JobStore::note(BacktestJob job) {
  const std::uint64_t number = job.number;
  next_ = std::max(next_, number + 1);
  jobs_[number] = std::move(job);
}

Result<void> JobStore::put_report(std::uint64_t number, const StoredReport& report,
                                  std::uint64_t bytes_max) {
  const std::string text = seal_json({{"number", number},
                                      {"json", report.json},  // as it is: decimals keep digits
                                      {"text", report.text},
                                      {"html", report.html}});
  if (text.size() > bytes_max) {
    return fail(Errc::kLimit, fmt::format("its report has {} bytes, and all reports may have {} "
                                          "(backtests.kept_bytes_max): take fewer samples or "
                                          "variants",
                                          text.size(), bytes_max));
  }
  if (auto put = runtime::put_file(*files_, path_of_report(number), text); !put) return put;
  reports_[number] = text.size();
  return {};
}

Result<StoredReport> JobStore::read_report(std::uint64_t number) const {
  const std::string path = path_of_report(number);
  const auto text = runtime::read_whole(*files_, path);
  if (!text) return tl::unexpected(runtime::to_error(text.error()));
  return parse_report(*text, number, path);
}

Result<void> JobStore::remove(std::uint64_t number) {
  if (number + 1 == next_) {  // nothing else would say that it was used
    const std::string path = fmt::format("{}/{}", folder_, kNextFile);
    if (auto put = runtime::put_file(*files_, path, seal_json({{"next", next_}})); !put) return put;
  }
  jobs_.erase(number);
  if (auto gone = runtime::remove_tree(*files_, path_of(number)); !gone) return gone;
  if (!reports_.contains(number)) return {};
  // The report goes after it, also where power is cut.
  if (auto synced = files_->sync_directory(folder_); !synced) {
    return tl::unexpected(runtime::to_error(synced.error()));
  }
  reports_.erase(number);
  return runtime::remove_tree(*files_, path_of_report(number));
}
}  // namespace tocsin::api
