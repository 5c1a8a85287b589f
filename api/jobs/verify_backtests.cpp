#include "api/jobs/verify_backtests.h"

#include <fmt/format.h>

#include <cstdint>
#include <set>
#include <string>
#include <utility>

#include "api/jobs/backtest_job.h"
#include "api/jobs/job_store.h"
#include "runtime/journal/file_tree.h"

namespace tocsin::api {
namespace {
using runtime::FileErrc;

class BacktestVerifier {
 public:
  BacktestVerifier(runtime::Files& files, const std::string& folder, runtime::VerifyReport& report)
      : files_(files), folder_(folder), report_(report) {}

  void check() {
    const auto names = files_.list(folder_);
    if (!names) {
      if (names.error().code != FileErrc::kNotFound) unreadable(names.error());
      return;
    }
    const std::set<std::string> there(names->begin(), names->end());
    for (const std::string& name : there) {
      // What a crash left goes with the next start.
      if (name.ends_with(runtime::kUnfinishedEnding)) continue;
      check(name, there);
    }
  }

 private:
  void check(const std::string& name, const std::set<std::string>& there) {
    const std::string path = folder_ + "/" + name;
    const JobFile file = job_file_of(name);
    if (file.kind == JobFile::Kind::kOther) {
      report_.notes.push_back(path + " is no file of a backtest: nothing reads it");
      return;
    }
    const auto text = runtime::read_whole(files_, path);
    if (!text) {
      // A server that runs removes some.
      if (text.error().code != FileErrc::kNotFound) unreadable(text.error());
      return;
    }
    report_.bytes += text->size();
    if (file.kind == JobFile::Kind::kNext) {
      wrong(parse_next_number(*text, path),
            "remove it: then numbers of backtests that were removed may be used again");
    } else if (file.kind == JobFile::Kind::kReport) {
      wrong(parse_report(*text, file.number, path),
            "restore it from a copy, or remove the backtest");
    } else {
      const Result<BacktestJob> job = parse_job(*text, file.number, path);
      wrong(job, "restore it from a copy, or remove it to forget this backtest");
      if (job && job->state == BacktestState::kDone) has_report(name, file.number, there);
    }
  }
  void has_report(const std::string& name, std::uint64_t number,
                  const std::set<std::string>& there) {
    const std::string report = name_of_report(number);
    if (there.contains(report)) return;
    // It may have been removed since the folder was listed.
    if (!runtime::exists(files_, folder_ + "/" + name).value_or(true)) return;
    if (runtime::exists(files_, folder_ + "/" + report).value_or(true)) return;
    find(fmt::format("{}/{} is missing: {}/{} is of a backtest that is done", folder_, report,
                     folder_, name),
         "restore it from a copy, or remove the backtest");
  }
  template <typename Parsed>
  void wrong(const Result<Parsed>& parsed, const char* remedy) {
    if (parsed) return;
    const bool is_damaged = parsed.error().code == Errc::kCorrupt;
    find(parsed.error().message, is_damaged ? remedy : "go on with that version");
  }
  void unreadable(const runtime::FileError& error) {
    find(error.message, "check the disk, then verify again");
  }
  void find(std::string message, std::string remedy) {
    report_.damaged.push_back({std::move(message), std::move(remedy)});
  }

  runtime::Files& files_;
  const std::string& folder_;
  runtime::VerifyReport& report_;
};
}  // namespace

void verify_backtests(runtime::Files& files, const std::string& folder,
                      runtime::VerifyReport& report) {
  BacktestVerifier(files, folder, report).check();
}
}  // namespace tocsin::api
