/// The sets of rules that a server had, as files DIR/rules/NUMBER.json: which held from when on,
/// who made it so, and the blobs with its texts.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/rules/rule_history.h"
#include "cep/base/result.h"
#include "cep/value/time.h"
#include "runtime/checkpoint/checkpoint.h"

namespace tocsin::api {
/// A set of rules that held from some moment on.
struct RuleVersion {
  std::uint64_t number = 0;
  cep::EventTime at;
  std::string who;                       // a token's name; empty: not known
  std::string comment;                   // of who made it
  std::string commit;                    // of version control, as a client says it; empty: none
  std::vector<std::string> approved_by;  // others who let it through, by their tokens' names
  std::string etag;                      // of the pack
  std::string plan;                      // its digest, hexadecimal
  std::vector<runtime::CheckpointBlob> texts;
  /// What it changed of the version before; nothing: an earlier build wrote it, which does not say.
  std::optional<std::vector<EditedRule>> edits;
};
/// How many are kept; older ones are forgotten.
inline constexpr std::size_t kRuleVersionsMax = 1000;
/// Where a version stands in DIR/rules.
std::string path_of_version(const std::string& folder, std::uint64_t number);
/// The version that a file in DIR/rules is of; nothing for other files.
std::optional<std::uint64_t> number_of_version(std::string_view name);
/// What its file holds.
std::string version_text(const RuleVersion& version);
/// Reads it back. Fails with kCorrupt for a damaged text or another version's, kOtherVersion for a
/// newer format, naming `path`.
Result<RuleVersion> parse_version(const std::string& text, std::uint64_t number,
                                  const std::string& path);
}  // namespace tocsin::api
