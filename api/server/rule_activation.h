/// Other rules for a node that works.
#pragma once
#include <memory>
#include <vector>

#include "api/node/node_service.h"
#include "api/node/rule_service.h"
#include "api/rollout/warm_up.h"
#include "runtime/checkpoint/data_directory.h"
#include "runtime/event_time/slice_loop.h"
#include "runtime/io/clock.h"
#include "runtime/io/files.h"
#include "runtime/journal/blob_store.h"
#include "runtime/node/node.h"
#include "runtime/replay/earlier_run.h"

namespace tocsin::api {
class Privacy;
/// Has the node go on with `program`, made of `texts`: the state goes to it beside events; then,
/// between two batches, it holds. With `earlier`, which may be null, what would begin with nothing
/// goes on from that; its state is kept in the folder `blobs`. Gives what it says of them, or why
/// nothing has changed. Waits; not for the node's thread.
Result<Activated> activate_rules(NodeService& service, const runtime::NodeProgram& program,
                                 const std::vector<runtime::NamedContents>& texts,
                                 std::unique_ptr<runtime::EarlierRun> earlier,
                                 runtime::BlobStore blobs);
/// What a rule service needs of a running server; all of it must outlive the service. `privacy`
/// learns of rules before they raise alerts.
RuleServicePorts rule_ports(NodeService& service, runtime::Files& files, runtime::Clock& clock,
                            const runtime::DataPaths& paths, const runtime::RunOptions& run_options,
                            const WarmUpLimits& limits, Privacy& privacy);
}  // namespace tocsin::api
