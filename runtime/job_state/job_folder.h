/// The state of a job of stages as a folder: what one machine's savepoint is made of, and the other
/// way round. The layout and the reasons: docs/decisions/0078-state-folders.md.
///
///   FOLDER/HEAD            JSON: format, semantics, the other files with size and checksum; last
///   FOLDER/STAGE.NUMBER    entries of a stage: judges, intake, pass-0, hold-0, …, alerts
///
/// An entry: u8 1 | u32 key group | u32 bytes of the key, and the key | u32 bytes of the value, and
/// the value; little endian: what include/tocsin.h gives of a stage.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cep/base/result.h"
#include "cep/value/key.h"
#include "runtime/io/files.h"

namespace tocsin::runtime {
inline constexpr std::uint32_t kJobFolderFormat = 1;
inline constexpr std::string_view kJudges = "judges";
inline constexpr std::string_view kIntake = "intake";
inline constexpr std::string_view kAlerts = "alerts";
std::string pass_stage(std::uint32_t pass);
std::string hold_stage(std::uint32_t pass);

struct JobFolderFile {
  std::string name;
  std::string stage;
  std::uint64_t bytes = 0;
  std::uint32_t checksum = 0;  // CRC32C
  std::uint64_t entries = 0;
};
struct JobFolderHead {
  std::uint32_t semantics = 0;
  std::vector<JobFolderFile> files;  // by name
};
std::string write_job_head(const JobFolderHead& head);
/// `path` is for messages. kCorrupt; kOtherVersion for a newer format.
Result<JobFolderHead> read_job_head(std::string_view json, const std::string& path);

/// Makes a folder, which is there whole or not at all. Threading: one caller at a time.
class JobFolderWriter {
 public:
  /// Begins `folder`, which must not be there (kConflict); its parent must.
  static Result<std::unique_ptr<JobFolderWriter>> create(Files& files, const std::string& folder);
  /// Leaves nothing of what was not finished.
  ~JobFolderWriter();
  JobFolderWriter(const JobFolderWriter&) = delete;
  JobFolderWriter& operator=(const JobFolderWriter&) = delete;
  /// Fails with kLimit without space, kIo.
  Result<void> put(std::string_view stage, cep::KeyGroup group, std::string_view key,
                   std::string_view value);
  /// A stage that has no entries may be named too.
  Result<void> finish(std::uint32_t semantics);

 private:
  struct Open {
    JobFolderFile file;
    std::unique_ptr<File> to;
    std::string waiting;
  };
  JobFolderWriter(Files& files, std::string folder);
  Result<void> write(Open& open);

  Files& files_;
  std::string folder_;
  std::string unfinished_;
  std::map<std::string, Open, std::less<>> open_;  // by stage
  bool is_finished_ = false;
};

/// Reads one. Threading: one caller at a time.
class JobFolderReader {
 public:
  /// Reads the head. Fails with kNotFound, kCorrupt, kOtherVersion; the last for other `semantics`
  /// too, with the remedy.
  static Result<JobFolderReader> open(Files& files, const std::string& folder,
                                      std::uint32_t semantics);
  const JobFolderHead& head() const { return head_; }
  const std::string& folder() const { return folder_; }
  using Take =
      std::function<Result<void>(cep::KeyGroup, std::string_view key, std::string_view value)>;
  /// Every entry of the stage, file by file. Fails with kCorrupt naming the file that is damaged,
  /// too short or missing, when it comes to its end; as `take` does.
  Result<void> read(std::string_view stage, const Take& take);
  Result<void> read(const JobFolderFile& file, const Take& take);

 private:
  JobFolderReader(Files& files, std::string folder) : files_(&files), folder_(std::move(folder)) {}

  Files* files_;
  std::string folder_;
  JobFolderHead head_;
};
}  // namespace tocsin::runtime
