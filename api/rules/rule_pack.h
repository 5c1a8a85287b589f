/// A set of rules as texts, as a server holds it and a deploy carries it. Every change gives
/// another pack; nothing is checked until load().
///
/// Roles of its texts (api/rules/rule_texts.h): "rules:PATH" and "file:PATH", paths relative to the
/// pack; "zone:NAME"; "stages", a JSON object of what is held back: {"RULE":"live 10%"}.
#pragma once
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/rules/rule_loader.h"
#include "api/rules/rule_rollout.h"
#include "cep/base/result.h"
#include "cep/plan/severity.h"
#include "runtime/node/node.h"

namespace tocsin::api {
/// A rule as it is written: its declaration, and after it the tests that its file has for it.
struct RuleText {
  std::string id;
  std::string name;
  std::string path;
  std::string text;
  std::size_t tests = 0;              // of them in `text`
  std::string body;                   // the declaration without its `status`
  std::optional<cep::Status> status;  // as written; nothing: live
};
/// What the rules of a pack do, whoever they are let out for, as digests of 32 hexadecimal digits.
struct PackDigests {
  std::string shared;  // of all else that decides alerts: declarations, data files
  std::map<std::string, std::string> rules;  // by id: of the declaration without its `status`
};
class RulePack {
 public:
  RulePack() = default;
  explicit RulePack(std::vector<runtime::NamedContents> texts);
  /// Of files and folders, as the command line has them; paths are made relative to what they have
  /// in common. Fails where one cannot be read; rules that do not check are load()'s matter.
  static Result<RulePack> read(const std::vector<std::string>& paths);

  /// Of what a data directory kept; paths are made relative likewise.
  static RulePack kept(std::vector<runtime::NamedContents> texts);

  const std::vector<runtime::NamedContents>& texts() const { return texts_; }
  /// The same for equal texts, another for others: 32 hexadecimal digits.
  std::string etag() const;
  /// The same for packs whose live rules do the same: of all declarations but tests and rules that
  /// their stage or their text holds back, of the shares of the others, and of data files. Zones
  /// follow from what rules name.
  std::string live_etag() const;
  /// Stages, shares and tests are not in them, nor in which file of a folder a declaration is.
  PackDigests digests() const;
  LoadedRules load() const;
  /// The same for rules that did not come with their zones, as those of a request: what is missing
  /// is read from the system, and of rules that can run becomes part of the pack.
  LoadedRules load_with_zones();

  /// Paths of rule files and of what they name.
  std::vector<std::string> paths() const;
  /// The text of a file; nothing where there is none.
  std::optional<std::string_view> file(std::string_view path) const;
  /// Files end in `.tocsin` or are data of lists and tables. Fails with kInvalidArgument for a path
  /// that is absolute, leaves the pack or is empty.
  Result<RulePack> with_file(const std::string& path, std::string text) const;
  /// Fails with kNotFound.
  Result<RulePack> without_file(std::string_view path) const;

  /// All rules of all files, drafts too, in the order of the files; files that do not parse give
  /// what can be read.
  std::vector<RuleText> rules() const;
  std::optional<RuleText> rule(std::string_view id) const;
  /// That there is no rule with this id, and the id that may have been meant.
  std::string no_rule_text(std::string_view id) const;
  /// In the place of the rule of this id, or as a new file ID.tocsin. `text` declares this rule and
  /// no other; tests in it replace those that there were, without any they stay. Fails with
  /// kInvalidArgument, saying what is wrong with it.
  Result<RulePack> with_rule(const std::string& id, const std::string& text) const;
  /// And its tests. Fails with kNotFound.
  Result<RulePack> without_rule(std::string_view id) const;

  /// What rules are held back to.
  std::map<std::string, Rollout> rollouts() const;
  /// Holds a rule back to `rollout`; live for all keys lets it be what its text says.
  RulePack with_rollout(const std::string& id, const Rollout& rollout) const;
  /// Holds rules back to these, and no others; ids that the pack does not have are kept too.
  RulePack with_rollouts(const std::map<std::string, Rollout>& rollouts) const;

 private:
  std::vector<runtime::NamedContents> texts_;
};
}  // namespace tocsin::api
