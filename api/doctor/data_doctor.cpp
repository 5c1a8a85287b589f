#include "api/doctor/data_doctor.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <system_error>

#include "cep/plan/semantics.h"
#include "rules/text/human_text.h"
#include "runtime/checkpoint/checkpoint.h"
#include "runtime/checkpoint/data_directory.h"

namespace tocsin::api {
namespace {
namespace fs = std::filesystem;
constexpr std::uint64_t kFreePercent = 10;
constexpr cep::Duration kClockSlack{60'000'000};

class DataDoctor {
 public:
  DataDoctor(runtime::Files& files, const std::string& path, cep::EventTime now)
      : files_(files), paths_(path), now_(now) {}

  DoctorReport examine() {
    if (const Result<void> good = runtime::check_data_directory(files_, paths_.directory); !good) {
      add(good.error().message, "name a folder that `run --data` or `serve` made, or restore it",
          true);
      return std::move(report_);
    }
    examine_tree();
    examine_checkpoints();
    examine_room();
    return std::move(report_);
  }

 private:
  void add(std::string detail, std::string remedy, bool is_refused = false) {
    report_.findings.push_back({std::move(detail), std::move(remedy), is_refused});
  }

  // Sizes of the parts; who may read them; what has a time that is yet to come.
  void examine_tree() {
    look_at(paths_.directory);
    std::error_code error;
    for (const fs::directory_entry& part : fs::directory_iterator(paths_.directory, error)) {
      std::uint64_t bytes = look_at(part.path().string());
      std::error_code inner;
      // Files come and go beside a run: what is gone is passed over.
      for (auto at = fs::recursive_directory_iterator(part.path(), inner);
           !inner && at != fs::recursive_directory_iterator(); at.increment(inner)) {
        bytes += look_at(at->path().string());
      }
      if (bytes > 0) parts_.push_back({part.path().filename().string(), bytes});
    }
    if (error)
      add(fmt::format("cannot list {}: {}", paths_.directory, error.message()),
          "run doctor as the user to whom the folder belongs");
    std::ranges::sort(parts_, [](const Part& a, const Part& b) { return a.bytes > b.bytes; });
    for (const Part& part : parts_) {
      report_.facts.push_back(fmt::format("{:<12} {}", part.name, rules::format_bytes(part.bytes)));
    }
    if (open_count_ > 0) {
      add(fmt::format("{} can be read by others than the owner: {}",
                      rules::format_count(open_count_, "file"), first_open_),
          fmt::format("chmod -R go-rwx {}; the next start does it as well", paths_.directory));
    }
    if (foreign_count_ > 0) {
      add(fmt::format("{} with another owner than the folder: {}",
                      rules::format_count(foreign_count_, "file"), first_foreign_),
          "give them to the user of the server (chown): it cannot change or remove them");
    }
    if (!first_future_.empty()) {
      add(fmt::format("{} was changed at a time that is yet to come", first_future_),
          "set the clock of this machine; the server's time follows it");
    }
    if (fs::exists(paths_.directory + "/admin-token", error)) {
      add("the first token, which may do everything, still lies in admin-token",
          "keep it elsewhere, and remove the file");
    }
  }

  // Gives the size of a file.
  std::uint64_t look_at(const std::string& path) {
    struct stat status {};
    if (::lstat(path.c_str(), &status) != 0 || S_ISLNK(status.st_mode)) return 0;
    if (path == paths_.directory) owner_ = status.st_uid;
    if ((status.st_mode & 077U) != 0 && open_count_++ == 0) first_open_ = path;
    if (status.st_uid != owner_ && foreign_count_++ == 0) first_foreign_ = path;
    const cep::EventTime changed{static_cast<std::int64_t>(status.st_mtim.tv_sec) * 1'000'000};
    if (changed > now_ + kClockSlack && first_future_.empty()) first_future_ = path;
    return S_ISREG(status.st_mode) ? static_cast<std::uint64_t>(status.st_size) : 0;
  }

  void examine_checkpoints() {
    std::error_code error;
    for (const fs::directory_entry& one : fs::directory_iterator(paths_.checkpoints, error)) {
      if (!one.path().string().ends_with(".damaged")) continue;
      add(fmt::format("{} was damaged, and an older checkpoint was used", one.path().string()),
          "see the disk's health (smartctl, the kernel's log), then remove the folder");
    }
    const Result<std::vector<std::uint64_t>> listed =
        runtime::list_checkpoints(files_, paths_.checkpoints);
    if (!listed) return add(listed.error().message, "run doctor as the user of the server");
    const std::vector<std::uint64_t>& numbers = *listed;
    if (numbers.empty()) {
      report_.facts.push_back("no checkpoint yet: a start reads the journal from its beginning");
      return;
    }
    const auto manifest = runtime::read_manifest(
        files_, runtime::checkpoint_path(paths_.checkpoints, numbers.back()));
    if (!manifest) {
      if (manifest.error().code == Errc::kNotFound) return;  // a newer one replaced it just now
      add(manifest.error().message,
          "the next start goes on from the checkpoint before; `tocsin verify` says what else is "
          "damaged",
          manifest.error().code == Errc::kOtherVersion);
      return;
    }
    std::uint64_t bytes = 0;
    for (const runtime::ManifestFile& file : manifest->files) bytes += file.bytes;
    checkpoint_bytes_ = bytes;
    const runtime::CheckpointMeta& meta = manifest->meta;
    report_.facts.push_back(fmt::format("checkpoint   {}, of {}, {}", meta.number,
                                        cep::format_time(meta.taken_at),
                                        rules::format_bytes(bytes)));
    if (meta.taken_at > now_ + kClockSlack) {
      add(fmt::format("the newest checkpoint is of {}, which is yet to come",
                      cep::format_time(meta.taken_at)),
          "set the clock of this machine: retention and expiry follow it");
    }
    if (meta.semantics != cep::kSemantics) {
      add(fmt::format("its rules mean what semantics number {} says; this program has {}",
                      meta.semantics, cep::kSemantics),
          "go on with the version that wrote it, or see --replay-as-new in docs/cli.md", true);
    }
  }

  void examine_room() {
    std::error_code error;
    const fs::space_info space = fs::space(paths_.directory, error);
    if (error || space.capacity < 100) return;
    report_.facts.push_back(fmt::format("{:<12} {} of {} are free", "disk",
                                        rules::format_bytes(space.available),
                                        rules::format_bytes(space.capacity)));
    if (space.available < 2 * checkpoint_bytes_) {
      add(fmt::format("{} are free, and a checkpoint may take {} beside the two that are there",
                      rules::format_bytes(space.available),
                      rules::format_bytes(2 * checkpoint_bytes_)),
          "free space, or enlarge the file system: a full disk stops events");
    } else if (space.available / (space.capacity / 100) < kFreePercent) {
      add(fmt::format("less than a tenth of the disk is free: {}",
                      rules::format_bytes(space.available)),
          "free space, enlarge the file system, or let retention keep less (retention.…, "
          "archive.…)");
    }
  }

  struct Part {
    std::string name;
    std::uint64_t bytes;
  };
  runtime::Files& files_;
  const runtime::DataPaths paths_;
  const cep::EventTime now_;
  DoctorReport report_;
  std::vector<Part> parts_;
  std::uint64_t checkpoint_bytes_ = 0;
  ::uid_t owner_ = 0;
  std::size_t open_count_ = 0;
  std::size_t foreign_count_ = 0;
  std::string first_open_, first_foreign_, first_future_;
};
}  // namespace

DoctorReport examine_data(runtime::Files& files, const std::string& path, cep::EventTime now) {
  return DataDoctor(files, path, now).examine();
}
}  // namespace tocsin::api
