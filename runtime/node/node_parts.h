/// What the classes of a node share: its ports and options, what it is made of, and what it knows
/// by the last record. Each class changes its own part of it:
///
///   NodeRecovery ─▶ NodeRecords ─▶ NodeRules ─▶ NodeCheckpoints ─▶ RecordRun ─▶ NextRules
///                        └─▶ NodeLists ─────────────┴─▶ BlobKeeper ◀─┘
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/csv/csv_events.h"
#include "runtime/node/archive_keeper.h"
#include "runtime/node/checkpoint_taker.h"
#include "runtime/node/list_changes.h"
#include "runtime/node/node.h"
#include "runtime/node/node_effects.h"
#include "runtime/node/node_log.h"
#include "runtime/node/node_state.h"

namespace tocsin::runtime {
struct NodeParts {
  NodeParts(const NodePorts& node_ports, DataPaths data_paths, const cep::Program& given,
            NodeOptions node_options);
  NodeParts(const NodeParts&) = delete;
  NodeParts& operator=(const NodeParts&) = delete;

  /// Fails with kConflict, saying so, once time has ended.
  Result<void> may_take() const;
  /// A fresh one, which tracks changes.
  std::unique_ptr<cep::Engine> make_engine(const cep::Program& of) const;
  /// Ends an engine beside what comes in, for it takes time by the number of keys. It may be null.
  void release(std::unique_ptr<cep::Engine> unneeded) const;
  /// The same of one with all that it needs.
  void release(std::unique_ptr<PastRun> unneeded) const;

  const NodePorts ports;
  const DataPaths paths;
  cep::Program program;  // with lists and tables of its own
  NodeOptions options;
  Recovery recovery;
  NodeState state;
  ListChanges lists;
  RunSummary summary;
  NodeSettings settings;  // of the timeline, as of the last record
  std::vector<CheckpointBlob> blobs;
  Timeline timeline;
  NodeEffects effects;
  std::unique_ptr<cep::Engine> engine;
  // What follows is null until recovery has made it; a node that only looks has no more than the
  // first two.
  std::unique_ptr<Intake> intake;
  std::map<std::string, CsvEvents, std::less<>> csv;  // for its plan, by row_format()
  std::optional<BlobStore> blob_store;
  std::unique_ptr<EffectStore> effect_store;
  std::unique_ptr<CheckpointWriter> writer;
  std::unique_ptr<NodeLog> log;
  std::unique_ptr<EffectQueue> queue;
  std::unique_ptr<ArchiveKeeper> archive;
  std::unique_ptr<CheckpointTaker> taker;
  bool is_live = false;
  bool has_failed = false;  // nothing goes on any more
};
}  // namespace tocsin::runtime
