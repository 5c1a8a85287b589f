/// All texts that a set of rules is made of, so that it can be made again where its files are not:
/// rule files, files of lists and tables, rules of time zones.
#pragma once
#include <string>
#include <vector>

#include "api/rule_loader.h"
#include "runtime/node.h"

namespace tocsin::api {
/// As load_rules(), and keeps what was read: roles "rules:PATH" for `files`, "file:PATH" for what
/// they name, "zone:NAME".
LoadedRules load_rules_keeping(const std::vector<std::string>& files,
                               std::vector<runtime::NamedContents>& texts);
/// Of what load_rules_keeping() kept; no file is read.
LoadedRules load_kept_rules(const std::vector<runtime::NamedContents>& texts);
}  // namespace tocsin::api
