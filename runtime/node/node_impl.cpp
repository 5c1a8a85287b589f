#include "runtime/node/node_impl.h"

#include <fmt/format.h>

#include <utility>

#include "cep/base/assert.h"
#include "runtime/io/topic_partition.h"
#include "runtime/node/node_commands.h"

namespace tocsin::runtime {
Node::Impl::~Impl() {
  // Ends the journal's thread, which tells the queue; without threads what was not written is lost,
  // as in a crash.
  if (parts.log && parts.ports.has_threads) static_cast<void>(parts.log->close());
  if (parts.taker) parts.taker->abandon();
  // Nothing of the writer's may be left in the executor.
  if (parts.writer && parts.ports.has_threads) static_cast<void>(checkpoints.drain());
}

Result<void> Node::Impl::poll() {
  if (auto committed = record.commit(); !committed) return committed;
  // Where nothing comes in nothing is appended either, which would hear of it.
  if (auto checked = parts.log->check(); !checked) return checked;
  const EffectQueueStatus effects = parts.queue->status();
  if (effects.failure) return tl::unexpected(*effects.failure);
  checkpoints.poll();
  const bool has_archive = parts.options.archive.has_value();
  parts.archive->poll(has_archive && (!effects.no_space.empty() || parts.log->waits_for_space()));
  return {};
}

Result<void> Node::Impl::decide(const Decision& decision) {
  if (parts.state.has_time_ended) return {};
  if (auto decided = records.decide(decision); !decided) return decided;
  return poll();
}

Result<void> Node::Impl::give(const Command& command) {
  if (auto given = records.give(command); !given) return given;
  return poll();
}

Result<void> Node::Impl::give(std::string_view name) {
  if (parts.state.has_time_ended) return {};
  return give({parts.ports.clock.now(), name, "{}", {}});
}

// ---- coming up, and the end

Node::Node(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Node::~Node() = default;

Result<std::unique_ptr<Node>> Node::open(const NodePorts& ports, const DataDirectory& directory,
                                         const cep::Program& program, NodeOptions options) {
  auto impl = std::make_unique<Impl>(ports, directory.paths(), program, std::move(options));
  if (auto opened = impl->recovery.open(directory.is_new()); !opened) {
    return tl::unexpected(opened.error());
  }
  return std::unique_ptr<Node>(new Node(std::move(impl)));
}

Result<std::unique_ptr<Node>> Node::look(const NodePorts& ports, const DataPaths& paths,
                                         const cep::Program& program, NodeOptions options) {
  auto impl = std::make_unique<Impl>(ports, paths, program, std::move(options));
  if (auto looked = impl->recovery.look(); !looked) return tl::unexpected(looked.error());
  return std::unique_ptr<Node>(new Node(std::move(impl)));
}

Result<void> Node::close() {
  if (impl_->is_closed) return {};
  impl_->is_closed = true;
  impl_->next.call_off();
  NodeParts& parts = impl_->parts;
  parts.taker->abandon();
  Result<void> durable = parts.log->close();
  if (durable) {
    parts.queue->durable(parts.log->durable_end());
    durable = parts.queue->close();
  }
  return durable;
}

// ---- taking in

Result<void> Node::may_take() const { return impl_->parts.may_take(); }

Result<void> Node::check_room() const {
  const NodeParts& parts = impl_->parts;
  const std::optional<std::uint64_t> memory_max = parts.options.memory_max;
  if (auto room = parts.intake->check_room(); !room || !memory_max) return room;
  const std::uint64_t rules = parts.engine->stats().state_bytes;
  const std::uint64_t ids = parts.intake->unique().bytes();
  const std::uint64_t waiting = parts.intake->waiting_bytes();
  const std::uint64_t used = rules + ids + waiting;
  if (used <= *memory_max) return {};
  return fail(Errc::kLimit,
              fmt::format("the state takes {} bytes of memory, and may take {}: no more events are "
                          "taken. What rules remember takes {}, the ids of `unique` events {}, "
                          "events that wait to be put in order {}. Nothing is lost, and all that "
                          "is kept can be read; go on with a larger --memory-max",
                          used, *memory_max, rules, ids, waiting));
}

Result<std::size_t> Node::source(std::string_view name, SourceKind kind, const SeriesBegin* begin) {
  NodeParts& parts = impl_->parts;
  if (begin != nullptr) {
    if (auto may = parts.may_take(); !may) return tl::unexpected(may.error());
    const std::string arguments = write_series_begin(*begin);
    auto given = impl_->noted(impl_->give({parts.ports.clock.now(), kFileCommand, arguments, {}}));
    if (!given) return tl::unexpected(given.error());
    return *parts.state.find(name);
  }
  if (const std::optional<std::size_t> known = parts.state.find(name)) {
    NodeSource& source = parts.state.sources[*known];
    if (source.next_offset == 0) source.kind = kind;
    if (source.kind != kind) {
      return fail(Errc::kMismatch,
                  fmt::format("{} was read otherwise before: as {}", name,
                              kind == SourceKind::kByValue ? "a file" : "a stream of lines"));
    }
    return *known;
  }
  if (auto may = parts.may_take(); !may) return tl::unexpected(may.error());
  const std::string_view stream = kind == SourceKind::kByValue ? stream_of(name) : name;
  if (stream == name || !parts.intake->find(stream)) {
    const Decision awake{DecisionKind::kAwake, parts.ports.clock.now(), stream};
    if (auto decided = impl_->decide(awake); !decided) return tl::unexpected(decided.error());
  }
  const std::size_t index = parts.state.source(name);
  parts.state.sources[index].kind = kind;
  return index;
}

Result<void> Node::change_producers(const ProducerCommand& change) {
  if (auto may = may_take(); !may) return may;
  const std::string arguments = write_producer_command(change);
  return impl_->noted(
      impl_->give({impl_->parts.ports.clock.now(), kProducerCommand, arguments, {}}));
}

void Node::refresh(std::size_t source, std::string identity, PrefixDigest prefix) {
  NodeSource& known = impl_->parts.state.sources[source];
  TOCSIN_ASSERT(prefix.is_whole() && prefix.bytes() == known.next_offset,
                "it is of the bytes that were taken");
  known.identity = std::move(identity);
  known.prefix = std::move(prefix);
}

Result<void> Node::set_place(std::size_t source, std::uint64_t offset) {
  TOCSIN_ASSERT(is_partition(impl_->parts.state.sources[source].name), "only it has offsets");
  const auto placed = [&]() -> Result<void> {
    if (auto may = may_take(); !may) return may;
    if (auto journaled = impl_->records.set_place(source, offset); !journaled) return journaled;
    return impl_->poll();
  };
  return impl_->noted(placed());
}

Result<std::size_t> Node::arrive(std::size_t source, std::string_view block, MergeOrder* order,
                                 const std::vector<TraceRun>& traces, bool has_room) {
  // Before anything of the block is taken or journaled.
  if (!has_room) {
    if (auto room = impl_->parts.intake->check_room(); !room) return tl::unexpected(room.error());
  }
  const auto taken = [&]() -> Result<std::size_t> {
    if (auto may = may_take(); !may) return tl::unexpected(may.error());
    Result<std::size_t> arrived = impl_->records.arrive(source, block, order, traces);
    if (!arrived) return arrived;
    if (auto polled = impl_->poll(); !polled) return tl::unexpected(polled.error());
    return arrived;
  };
  return impl_->noted(taken());
}

Result<void> Node::decide(const Decision& decision) {
  return impl_->noted(impl_->decide(decision));
}
Result<void> Node::end_time() { return impl_->noted(impl_->give(kEndTimeCommand)); }
Result<void> Node::settle() { return impl_->noted(impl_->give(kSettleCommand)); }

Result<AppendedReinjection> Node::reinject(SideOutputKind kind,
                                           const std::vector<WantedRow>& wanted) {
  NodeParts& parts = impl_->parts;
  if (auto may = parts.may_take(); !may) return tl::unexpected(may.error());
  // So that what was put in again a moment ago says so.
  if (auto stored = impl_->record.store_effects(); !stored) return tl::unexpected(stored.error());
  AppendedReinjection done;
  const Result<SideOutputLines> lines =
      collect_side_output(parts.effect_store->reader(), kind, wanted, {}, done);
  if (!lines) return tl::unexpected(lines.error());
  if (done.rows == 0) return done;
  const Result<cep::Digest> digest = parts.blob_store->put(lines->text);
  if (!digest) return tl::unexpected(digest.error());
  const std::string arguments = write_reinjection(lines->rows);
  const Command command = reinjection_command(parts.ports.clock.now(), arguments, *lines, *digest);
  if (auto given = impl_->give(command); !given) return tl::unexpected(given.error());
  return done;
}

// ---- rules and lists that change

Result<void> Node::prepare(NodeProgram program, std::vector<NamedContents> texts,
                           std::unique_ptr<PastRun>&& past) {
  return impl_->rules.prepare(std::move(program), std::move(texts), std::move(past));
}
bool Node::is_preparing() const { return impl_->next.is_set(); }
bool Node::is_prepared() const { return impl_->next.is_nearly_done(); }

Result<cep::RestoreReport> Node::activate() {
  if (auto may = may_take(); !may) return tl::unexpected(may.error());
  if (auto joins = impl_->rules.may_join(); !joins) return tl::unexpected(joins.error());
  Result<void> journaled = impl_->rules.journal_prepared();
  // What does not fit into a record has changed nothing.
  if (!journaled && journaled.error().code != Errc::kLimit) {
    journaled = impl_->noted(std::move(journaled));
  }
  if (!journaled) return tl::unexpected(journaled.error());
  Result<cep::RestoreReport> report = impl_->noted(impl_->rules.activate());
  if (!report) return report;
  if (auto polled = poll(); !polled) return tl::unexpected(polled.error());
  return report;
}

Result<ListChanged> Node::change_list(ListChange& change) {
  if (auto may = impl_->lists.check(change); !may) return tl::unexpected(may.error());
  Result<ListChanged> changed = impl_->noted(impl_->lists.carry_out(change));
  if (!changed) return changed;
  if (auto polled = poll(); !polled) return tl::unexpected(polled.error());
  return changed;
}

// ---- work, checkpoints

Result<void> Node::poll() { return impl_->noted(impl_->poll()); }
void Node::hurry() { impl_->parts.log->hurry(); }
Result<void> Node::checkpoint() { return impl_->checkpoints.take(); }
std::uint64_t Node::request_checkpoint() { return impl_->checkpoints.request(); }
Result<Manifest> Node::savepoint(const std::string& name) {
  return impl_->checkpoints.savepoint(name);
}
void Node::keep_newest(const std::string& name, std::function<void(Result<Manifest>)> done) {
  impl_->checkpoints.keep_newest(name, std::move(done));
}
CheckpointFigures Node::checkpoints() const { return impl_->checkpoints.figures(); }

// ---- what is known

const Recovery& Node::recovery() const { return impl_->parts.recovery; }
const std::vector<NodeSource>& Node::sources() const { return impl_->parts.state.sources; }
const ListChanges& Node::lists() const { return impl_->parts.lists; }
const NodeSettings& Node::settings() const { return impl_->parts.settings; }
const cep::Program& Node::program() const { return impl_->parts.program; }
std::uint64_t Node::durable_end() const { return impl_->parts.log->durable_end(); }
std::uint64_t Node::next_sequence() const {
  const NodeParts& parts = impl_->parts;
  return parts.log ? parts.log->next_sequence() : impl_->recovery.position();
}
const RunSummary& Node::summary() const { return impl_->parts.summary; }
const Intake& Node::intake() const { return *impl_->parts.intake; }
cep::Engine& Node::engine() { return *impl_->parts.engine; }
cep::EngineStats Node::engine_stats() const {
  cep::EngineStats stats = impl_->parts.engine->stats();
  stats.values_missing += impl_->parts.state.values_missing;
  return stats;
}
EffectStore& Node::effect_store() { return *impl_->parts.effect_store; }
EffectQueueStatus Node::effects() const { return impl_->parts.queue->status(); }
const Timeline& Node::timeline() const { return impl_->parts.timeline; }

Result<Erased> NodeErasure::erase(const std::string& what) {
  Node::Impl& impl = *node_.impl_;
  if (auto may = impl.parts.may_take(); !may) return tl::unexpected(may.error());
  if (impl.next.is_set()) {
    return fail(Errc::kConflict, "other rules are being prepared: nothing is erased meanwhile");
  }
  const Result<cep::Digest> digest = impl.parts.blob_store->put(what);
  if (!digest) return tl::unexpected(digest.error());
  const Command command{
      impl.parts.ports.clock.now(), kEraseCommand, "{}", {{"erased", what.size(), *digest}}};
  if (auto given = impl.noted(impl.give(command)); !given) return tl::unexpected(given.error());
  impl.parts.log->hurry();
  return impl.records.erased();
}
Result<std::uint64_t> NodeErasure::note() {
  Node::Impl& impl = *node_.impl_;
  if (auto may = impl.parts.may_take(); !may) return tl::unexpected(may.error());
  if (auto given = impl.noted(impl.give(kEraseCommand)); !given) {
    return tl::unexpected(given.error());
  }
  impl.parts.log->hurry();
  return impl.records.erased().record;
}
void NodeErasure::begin_anew() {
  node_.impl_->parts.log->begin_segment();
  node_.impl_->parts.taker->want_all();
}

Result<std::vector<InboxPlace>> AlertInbox::places() const {
  return node_.effect_store().reader().inbox_places();
}
Result<std::uint64_t> AlertInbox::store(InboxEffects inbox) {
  SliceEffects effects;
  effects.inbox = std::move(inbox);
  return node_.impl_->noted(node_.impl_->parts.queue->push(std::move(effects)));
}
bool AlertInbox::is_stored(std::uint64_t number) const {
  return node_.effects().committed >= number;
}
}  // namespace tocsin::runtime
