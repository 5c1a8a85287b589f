#include "api/node/verify_served.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "api/rest/first_token.h"
#include "api/rest/token_store.h"
#include "api/rules/rule_versions.h"
#include "cep/value/identity.h"

namespace tocsin::api {
namespace {
using runtime::FileErrc;
using runtime::FileError;

bool is_missing(runtime::Files& files, const std::string& path) {
  const auto found = files.identity(path);
  return !found && found.error().code == FileErrc::kNotFound;
}

class ServedVerifier {
 public:
  ServedVerifier(runtime::Files& files, const runtime::DataPaths& paths,
                 runtime::VerifyReport& report)
      : files_(files), paths_(paths), report_(report) {}

  void tokens(bool was_served) {
    const std::string path = paths_.directory + "/" + kTokensFile;
    const bool has_first = !is_missing(files_, paths_.directory + "/" + kFirstTokenFile);
    if (is_missing(files_, path)) {
      if (was_served || has_first) {
        find(fmt::format("{} is missing: no token is known", path),
             "restore a copy; without one the next `serve` creates a first token, and all others "
             "must be created again");
      }
      return;
    }
    if (const auto store = TokenStore::open(path); !store) {
      const bool is_damaged = store.error().code == Errc::kCorrupt;
      find(store.error().message,
           is_damaged ? "restore a copy of the file" : "go on with that version");
    }
  }

  void versions() {
    const std::string folder = paths_.directory + "/rules";
    const auto names = files_.list(folder);
    if (!names) {
      if (names.error().code != FileErrc::kNotFound) unreadable(names.error());
      return;
    }
    std::vector<std::uint64_t> numbers;
    for (const std::string& name : *names) {
      if (const auto number = number_of_version(name)) numbers.push_back(*number);
    }
    std::ranges::sort(numbers);
    // Of as many as are kept, the oldest went.
    std::uint64_t next = numbers.size() < kRuleVersionsMax || numbers.empty() ? 1 : numbers.front();
    for (const std::uint64_t number : numbers) {
      if (number > next) note_gap(folder, next, number - 1);
      next = number + 1;
      version(path_of_version(folder, number), number);
    }
  }

 private:
  void note_gap(const std::string& folder, std::uint64_t first, std::uint64_t last) {
    const std::string which = first == last ? fmt::format("version {}", first)
                                            : fmt::format("versions {} to {}", first, last);
    report_.notes.push_back(fmt::format("{} does not have {}: removed or lost", folder, which));
  }
  void version(const std::string& path, std::uint64_t number) {
    const auto text = runtime::read_whole(files_, path);
    if (!text) {
      // A server that runs forgets the oldest.
      if (text.error().code != FileErrc::kNotFound) unreadable(text.error());
      return;
    }
    report_.bytes += text->size();
    const Result<RuleVersion> version = parse_version(*text, number, path);
    if (!version) {
      const bool is_damaged = version.error().code == Errc::kCorrupt;
      find(version.error().message,
           is_damaged ? "restore it from a copy, or remove it to forget this version"
                      : "go on with that version");
      return;
    }
    for (const runtime::CheckpointBlob& blob : version->texts) {
      const std::string blob_path = paths_.blobs + "/" + cep::hex(blob.digest);
      if (is_missing(files_, blob_path)) {
        find(fmt::format("{} is missing: {} needs it", blob_path, path),
             "restore it from a copy; without it this version cannot be activated again");
      }
    }
  }
  void unreadable(const FileError& error) {
    find(error.message, "check the disk, then verify again");
  }
  void find(std::string message, std::string remedy) {
    report_.damaged.push_back({std::move(message), std::move(remedy)});
  }

  runtime::Files& files_;
  const runtime::DataPaths& paths_;
  runtime::VerifyReport& report_;
};
}  // namespace

void verify_served(runtime::Files& files, const runtime::DataPaths& paths, bool was_served,
                   runtime::VerifyReport& report) {
  ServedVerifier verifier(files, paths, report);
  verifier.tokens(was_served);
  verifier.versions();
}
}  // namespace tocsin::api
