/// Backtests on disk:
///
///   FOLDER/NUMBER.json         what it is and how it stands (backtest_job.h)
///   FOLDER/NUMBER.report.json  of one that is done: {"json": …, "text": …, "html": …}
///   FOLDER/next.json           once the newest was removed: {"next": NUMBER}, which is not used
///   yet
///
/// Each file is whole under its name or not there. A report comes before the state `done`, and goes
/// after its backtest. No number is used twice.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "api/jobs/backtest_job.h"
#include "cep/base/result.h"
#include "runtime/io/files.h"

namespace tocsin::api {
/// A report in its forms (api/backtest).
struct StoredReport {
  std::string json, text, html;
};

/// What a file in the folder is by its name.
struct JobFile {
  enum class Kind : std::uint8_t { kJob, kReport, kNext, kOther };
  Kind kind = Kind::kOther;
  std::uint64_t number = 0;  // of a job or report
};
JobFile job_file_of(const std::string& name);
/// "00000012.report.json".
std::string name_of_report(std::uint64_t number);
/// What a report's file holds. Fails with kCorrupt for a damaged text or another backtest's,
/// kOtherVersion for a newer format, naming `path`.
Result<StoredReport> parse_report(const std::string& text, std::uint64_t number,
                                  const std::string& path);
/// What next.json holds; fails likewise.
Result<std::uint64_t> parse_next_number(const std::string& text, const std::string& path);

/// Threading: one caller at a time, but read_report(), which any may call.
class JobStore {
 public:
  /// Makes the folder where it is missing, and removes what a crash left. What is damaged is left
  /// as it is, and out: `damaged()` names it. Fails with kIo, and with kOtherVersion for what a
  /// newer version wrote.
  static Result<JobStore> open(runtime::Files& files, std::string folder);
  /// All there are, by number.
  const std::map<std::uint64_t, BacktestJob>& jobs() const { return jobs_; }
  const std::vector<std::string>& damaged() const { return damaged_; }
  /// The bytes of all reports.
  std::uint64_t report_bytes() const;
  /// Larger than that of any backtest that there is or was.
  std::uint64_t next_number() const { return next_; }

  /// Puts the backtest as it stands; on disk when it returns. Fails with kLimit without space, kIo.
  Result<void> put(const BacktestJob& job);
  /// The same, not on disk.
  void note(BacktestJob job);
  /// Fails with kLimit for a report of more bytes too.
  Result<void> put_report(std::uint64_t number, const StoredReport& report,
                          std::uint64_t bytes_max);
  /// Fails with kNotFound, and with kCorrupt, naming the file, for damage.
  Result<StoredReport> read_report(std::uint64_t number) const;
  Result<void> remove(std::uint64_t number);

 private:
  JobStore(runtime::Files& files, std::string folder)
      : files_(&files), folder_(std::move(folder)) {}
  Result<void> load(const std::string& name);
  Result<void> load_next(const std::string& path);
  std::string path_of(std::uint64_t number) const;
  std::string path_of_report(std::uint64_t number) const;

  runtime::Files* files_;
  std::string folder_;
  std::map<std::uint64_t, BacktestJob> jobs_;
  std::map<std::uint64_t, std::uint64_t> reports_;  // bytes
  std::vector<std::string> damaged_;
  std::uint64_t next_ = 1;
};
}  // namespace tocsin::api
