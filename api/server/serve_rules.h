/// Which rules a server starts with, and how rules that it is given replace them.
#pragma once
#include <optional>
#include <string>
#include <tl/expected.hpp>

#include "api/base/configuration.h"
#include "api/base/exit_code.h"
#include "api/node/rule_service.h"
#include "api/node/run_arguments.h"
#include "api/rules/rule_pack.h"
#include "runtime/io/files.h"
#include "runtime/node/node.h"

namespace tocsin::api {
/// Reads and checks the rules that the configuration names (RULES); nothing where it names none.
/// Shows their diagnostics.
Outcome<std::optional<RulePack>> read_given_rules(const Configuration& configuration);

struct StartRules {
  RulePack pack;
  LoadedRules loaded;  // with a program
};
/// The rules that a data directory, or the savepoint that it begins with, keeps; `blobs` is where
/// their texts are. Fails where they do not check with this version.
Outcome<StartRules> load_kept_rules(runtime::Files& files, const runtime::Beginning& beginning,
                                    const std::string& blobs);
/// Those that are given, else none.
Outcome<StartRules> load_start_rules(const std::optional<RulePack>& given);
/// `given` with the stages that rules of `kept` have.
RulePack with_stages_of(const RulePack& kept, const RulePack& given);
/// Fails, for a data directory that keeps other rules than those `given`, and says in what they
/// differ.
Outcome<void> refuse_given_rules(const RulePack& given, const LoadedRules& kept,
                                 const std::string& directory);

/// Deploys `pack` in the place of the rules that hold. Where that is refused, shows diagnostics and
/// tests that fail.
tl::expected<Deployed, DeployRefusal> deploy_pack(RuleService& rules, const RulePack& pack,
                                                  const std::string& comment);
/// Reads RULES again and deploys what has changed; the rules that run go on where the new ones have
/// mistakes.
void reload_rules(const Configuration& configuration, RuleService& rules, bool is_quiet);
}  // namespace tocsin::api
