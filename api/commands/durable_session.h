/// A run that loses nothing: `tocsin run --data DIR`.
#pragma once
#include <optional>
#include <vector>

#include "api/base/exit_code.h"
#include "api/node/kafka_settings.h"
#include "api/node/run_arguments.h"
#include "api/rules/rule_loader.h"
#include "cep/value/time.h"
#include "runtime/node/node.h"

namespace tocsin::api {
/// Goes on with what the data directory holds, or begins it; reads the inputs; says how the program
/// then ends. `kafka`: topics that are read instead of inputs. `texts`: what the rules are made of.
ExitCode run_durable(const RunArguments& arguments, const std::optional<Webhook>& webhook,
                     std::optional<KafkaSettings> kafka, const LoadedRules& rules,
                     std::vector<runtime::NamedContents> texts);
}  // namespace tocsin::api
