/// Other rules for a node that works.
#pragma once
#include <vector>

#include "api/node/node_service.h"
#include "api/node/rule_service.h"
#include "runtime/checkpoint/data_directory.h"
#include "runtime/event_time/slice_loop.h"
#include "runtime/io/clock.h"
#include "runtime/io/files.h"
#include "runtime/node/node.h"

namespace tocsin::api {
/// Has the node go on with `program`, made of `texts`: the state goes to it beside events; then,
/// between two batches, it holds. Gives what it says of them, or why nothing has changed. Waits;
/// not for the node's thread.
Result<Activated> activate_rules(NodeService& service, runtime::NodeProgram program,
                                 std::vector<runtime::NamedContents> texts);
/// What a rule service needs of a running server; all of it must outlive the service.
RuleServicePorts rule_ports(NodeService& service, runtime::Files& files, runtime::Clock& clock,
                            const runtime::DataPaths& paths,
                            const runtime::RunOptions& run_options);
}  // namespace tocsin::api
