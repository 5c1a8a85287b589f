/// The inside of a node: its classes, each of which may use those before it. Only
/// node_impl.cpp includes it.
#pragma once
#include <string_view>
#include <utility>

#include "runtime/node/blob_keeper.h"
#include "runtime/node/next_rules.h"
#include "runtime/node/node.h"
#include "runtime/node/node_checkpoints.h"
#include "runtime/node/node_lists.h"
#include "runtime/node/node_parts.h"
#include "runtime/node/node_records.h"
#include "runtime/node/node_recovery.h"
#include "runtime/node/node_rules.h"
#include "runtime/node/record_run.h"

namespace tocsin::runtime {
struct Node::Impl {
  Impl(const NodePorts& ports, DataPaths paths, const cep::Program& program, NodeOptions options)
      : parts(ports, std::move(paths), program, std::move(options)),
        next(parts),
        record(parts, next),
        blob_keeper(parts),
        checkpoints(parts, next, record, blob_keeper),
        rules(parts, next, record, blob_keeper, checkpoints, program),
        lists(parts, record, blob_keeper),
        records(parts, record, blob_keeper, lists, rules),
        recovery(parts, record, blob_keeper, checkpoints, lists, rules, records) {}
  ~Impl();
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  /// Node::poll(), without noting a failure.
  Result<void> poll();
  Result<void> decide(const Decision& decision);
  Result<void> give(const Command& command);
  Result<void> give(std::string_view name);
  /// Notes a failure, after which there is nothing to be gone on with.
  template <typename T>
  Result<T> noted(Result<T> result) {
    if (!result) parts.has_failed = true;
    return result;
  }

  NodeParts parts;
  NextRules next;
  RecordRun record;
  BlobKeeper blob_keeper;
  NodeCheckpoints checkpoints;
  NodeRules rules;
  NodeLists lists;
  NodeRecords records;
  NodeRecovery recovery;
  bool is_closed = false;
};
}  // namespace tocsin::runtime
