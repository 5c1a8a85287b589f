#include "runtime/node/node_impl.h"
#include <utility>

namespace tocsin::runtime {
Node::Node(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Node::~Node() = default;

Result<std::unique_ptr<Node>> Node::open(const NodePorts& ports, const DataDirectory& directory,
                                         const cep::Program& program, NodeOptions options) {
  auto impl = std::make_unique<Impl>(ports, directory.paths(), program, std::move(options));
  if (auto opened = impl->open(directory.is_new()); !opened) {
    return tl::unexpected(opened.error());
  }
  return std::unique_ptr<Node>(new Node(std::move(impl)));
}
Result<std::unique_ptr<Node>> Node::look(const NodePorts& ports, const DataPaths& paths,
                                         const cep::Program& program, NodeOptions options) {
  auto impl = std::make_unique<Impl>(ports, paths, program, std::move(options));
  if (auto looked = impl->look(); !looked) return tl::unexpected(looked.error());
  return std::unique_ptr<Node>(new Node(std::move(impl)));
}
Result<void> Node::may_take() const { return impl_->may_take(); }
Result<void> Node::check_room() const { return impl_->check_room(); }
std::uint64_t Node::position() const { return impl_->position(); }
const Recovery& Node::recovery() const { return impl_->recovery(); }
Result<std::size_t> Node::source(std::string_view name, SourceKind kind) {
  return impl_->source(name, kind);
}
const std::vector<NodeSource>& Node::sources() const { return impl_->state().sources; }
Result<void> Node::change_producers(const ProducerCommand& change) {
  if (auto may = impl_->may_take(); !may) return may;
  return impl_->noted(impl_->change_producers(change));
}
void Node::refresh(std::size_t source, std::string identity, PrefixDigest prefix) {
  impl_->refresh(source, std::move(identity), std::move(prefix));
}
Result<std::size_t> Node::arrive(std::size_t source, std::string_view block, MergeOrder* order,
                                 const std::vector<TraceRun>& traces, bool has_room) {
  // Before anything of the block is taken or journaled.
  if (!has_room) {
    if (auto room = impl_->intake().check_room(); !room) return tl::unexpected(room.error());
  }
  return impl_->noted(impl_->arrive(source, block, order, traces));
}
Result<void> Node::decide(const Decision& decision) {
  return impl_->noted(impl_->decide(decision));
}
Result<void> Node::prepare(NodeProgram program, std::vector<NamedContents> texts) {
  return impl_->prepare(std::move(program), std::move(texts));
}
bool Node::is_preparing() const { return impl_->is_preparing(); }
bool Node::is_prepared() const { return impl_->is_prepared(); }
Result<cep::RestoreReport> Node::activate() {
  if (auto may = impl_->may_take(); !may) return tl::unexpected(may.error());
  Result<void> journaled = impl_->journal_prepared();
  // What does not fit into a record has changed nothing.
  if (!journaled && journaled.error().code != Errc::kLimit) {
    journaled = impl_->noted(std::move(journaled));
  }
  if (!journaled) return tl::unexpected(journaled.error());
  return impl_->noted(impl_->activate());
}
void Node::call_off() { impl_->call_off(); }
Result<cep::RestoreReport> Node::deploy(NodeProgram program, std::vector<NamedContents> texts) {
  if (auto prepared = prepare(std::move(program), std::move(texts)); !prepared) {
    return tl::unexpected(prepared.error());
  }
  return activate();
}
Result<ListChanged> Node::change_list(ListChange& change) { return impl_->change_list(change); }
const ListChanges& Node::lists() const { return impl_->lists(); }
const NodeSettings& Node::settings() const { return impl_->settings(); }
const cep::Program& Node::program() const { return impl_->program(); }
Result<void> Node::end_time() { return impl_->noted(impl_->end_time()); }
Result<void> Node::settle() { return impl_->noted(impl_->settle()); }
Result<AppendedReinjection> Node::reinject(SideOutputKind kind,
                                           const std::vector<cep::ArrivalNumber>& arrivals) {
  return impl_->reinject(kind, arrivals);
}
bool Node::has_time_ended() const { return impl_->state().has_time_ended; }
Result<void> Node::poll() { return impl_->noted(impl_->poll()); }
void Node::hurry() { impl_->hurry(); }
Result<void> Node::checkpoint() { return impl_->checkpoint(); }
std::uint64_t Node::request_checkpoint() { return impl_->request_checkpoint(); }
Result<Manifest> Node::savepoint(const std::string& name) { return impl_->savepoint(name); }
void Node::keep_newest(const std::string& name, std::function<void(Result<Manifest>)> done) {
  impl_->keep_newest(name, std::move(done));
}
Result<void> Node::close() { return impl_->close(); }
std::uint64_t Node::durable_end() const { return impl_->durable_end(); }
std::uint64_t Node::next_sequence() const { return impl_->next_sequence(); }
const RunSummary& Node::summary() const { return impl_->summary(); }
cep::EngineStats Node::engine_stats() const { return impl_->engine_stats(); }
const Intake& Node::intake() const { return impl_->intake(); }
cep::Engine& Node::engine() { return impl_->engine(); }
CheckpointFigures Node::checkpoints() const { return impl_->checkpoints(); }
EffectStore& Node::effect_store() { return impl_->effect_store(); }
EffectQueueStatus Node::effects() const { return impl_->effect_status(); }
const Timeline& Node::timeline() const { return impl_->timeline(); }
}  // namespace tocsin::runtime
