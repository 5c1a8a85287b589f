/// Rule text in memory, for tests of the checker and the lowering.
#pragma once
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "rules/context/rules.h"

namespace tocsin::tests {
/// Files by path; what is not among them cannot be read.
using RuleFiles = std::map<std::string, std::string>;
/// Loads `paths` from memory.
rules::Loaded load_files(const RuleFiles& files, const std::vector<std::string>& paths);
/// Loads one text, "rules.tocsin", after kRuleSchema, "schema.tocsin".
rules::Loaded load_rules(std::string_view text);
/// The plan of one text, which has to load.
std::shared_ptr<const cep::Plan> plan_of(const std::string& text);
/// Its diagnostics in "rules.tocsin" and where they point: "E0201 2:17, no_key 1:6"; those of other
/// files with their path before them. Empty for none.
std::string places_of(const rules::Loaded& loaded);
/// All of them as a terminal shows them.
std::string rendered(const rules::Loaded& loaded);

/// Event types payment, login, transfer, otp_ok and a few names, without any diagnostic of their
/// own.
extern const char* const kRuleSchema;
/// The lines of a plan's description that begin with one of `starts`, blanks before them dropped.
std::vector<std::string> plan_lines(const cep::Plan& plan, const std::vector<std::string>& starts);
}  // namespace tocsin::tests
