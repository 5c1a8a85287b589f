#include "tests/state/state_file.h"

#include <memory>
#include <utility>
#include <vector>

#include "cep/base/byte_codec.h"
#include "cep/data/batch.h"
#include "cep/data/state_entry.h"
#include "cep/engine/engine.h"
#include "cep/plan/rule.h"
#include "runtime/event_time/intake.h"
#include "runtime/io/system_files.h"
#include "runtime/journal/blob_store.h"
#include "runtime/node/list_changes.h"
#include "runtime/node/node.h"
#include "runtime/node/node_state.h"
#include "runtime/store/rocks_state_store.h"
#include "tests/support/store_key.h"

namespace tocsin::tests {
namespace {
constexpr std::size_t kFormatAt = 8;  // of a manifest
// Another one than the program's: tables in memory are laid out otherwise.
constexpr std::uint64_t kHashSeed = 0x5eed;

class EntrySink : public cep::StateSink {
 public:
  explicit EntrySink(std::map<std::string, std::string>& entries) : entries_(entries) {}
  void put(const cep::StateKey& key, std::string_view value) override {
    entries_[store_key(key)] = value;
  }
  void remove(const cep::StateKey& key) override { entries_.erase(store_key(key)); }
  void shard_done(std::uint32_t /*shard*/) override {}

 private:
  std::map<std::string, std::string>& entries_;
};

Result<void> write_engine(const StateFile& state, const cep::Program& program, StateBytes& to) {
  cep::Engine engine(program, kHashSeed);
  engine.track_changes();
  if (auto begun = engine.begin_restore(state.bytes.engine); !begun) {
    return tl::unexpected(begun.error());
  }
  for (const auto& [key, value] : state.bytes.entries) {
    if (auto restored = engine.restore(runtime::parse_store_key(key), value); !restored) {
      return restored;
    }
  }
  if (auto done = engine.finish_restore(); !done) return done;
  engine.mark_all_changed();
  to.engine = engine.begin_snapshot();
  EntrySink sink(to.entries);
  engine.write_snapshot(sink, SIZE_MAX);
  return {};
}

Result<void> write_intake(const StateFile& state, const cep::Program& program, StateBytes& to) {
  runtime::IntakeOptions options = state.rules.intake;
  options.is_saved = true;
  runtime::RunSummary summary;
  runtime::Intake intake(runtime::UsedEvents::of(program), options, {}, summary,
                         [](cep::Batch&, cep::EventTime) { return Result<void>(); });
  if (auto restored = intake.restore(state.bytes.intake); !restored) return restored;
  intake.save(to.intake);
  return {};
}

Result<void> write_node(const StateFile& state, const cep::Program& program, StateBytes& to) {
  runtime::SystemFiles files;
  runtime::RunSummary summary;
  summary.alerts_by_rule.resize(program.plan().rules.size());
  Result<runtime::NodeState> node =
      runtime::NodeState::restore(state.bytes.node, program.plan(), summary);
  if (!node) return tl::unexpected(node.error());
  runtime::ListChanges lists;
  const runtime::BlobStore blobs = runtime::BlobStore::look(files, state.blobs);
  if (auto restored = lists.restore(node->lists, program, blobs); !restored) {
    return tl::unexpected(restored.error());
  }
  node->lists = lists.save(program);
  node->save(program.plan(), summary, to.node);
  return {};
}
}  // namespace

Result<StateFile> read_state(const std::string& directory) {
  runtime::SystemFiles files;
  Result<runtime::GoodCheckpoint> good = runtime::load_checkpoint(files, directory);
  if (!good) return tl::unexpected(good.error());
  StateFile state;
  state.directory = directory;
  state.meta = std::move(good->meta);
  const auto manifest = runtime::read_whole(files, runtime::manifest_path(directory));
  if (!manifest) return tl::unexpected(runtime::to_error(manifest.error()));
  state.format = load_number<std::uint32_t>(manifest->data() + kFormatAt);
  state.bytes.engine = state.meta.globals;
  state.bytes.intake = state.meta.intake;
  state.bytes.node = state.meta.node;
  ByteReader layout(state.meta.globals);
  if (!state.layout.read(layout)) return fail(Errc::kCorrupt, directory + "/engine");

  state.blobs = directory + "/blobs";
  if (!files.is_directory(state.blobs).value_or(false)) state.blobs = directory + "/../../blobs";
  Result<runtime::Beginning> beginning = runtime::beginning_of(state.meta, directory);
  if (!beginning) return tl::unexpected(beginning.error());
  Result<std::vector<runtime::NamedContents>> texts =
      read_texts(runtime::BlobStore::look(files, state.blobs), beginning->blobs);
  if (!texts) return tl::unexpected(texts.error());
  api::Outcome<api::KeptRules> kept = api::load_kept(beginning->settings, *texts);
  if (!kept) return fail(Errc::kInternal, kept.error().message);
  state.rules = *std::move(kept);

  runtime::RocksStateStores stores(files);
  Result<std::unique_ptr<runtime::StateScan>> scan = stores.read(directory + "/state");
  if (!scan) return tl::unexpected(scan.error());
  const Result<void> read =
      runtime::read_pieces(**scan, [&](const cep::StateKey& key, std::string_view value) {
        state.bytes.entries[store_key(key)] = value;
        return Result<void>();
      });
  if (!read) return tl::unexpected(read.error());
  return state;
}

Result<StateBytes> write_again(const StateFile& state) {
  // Lists of its own, which the changes are put in.
  const cep::Program program = state.rules.rules.program->with_own_data();
  StateBytes bytes;
  if (auto done = write_engine(state, program, bytes); !done) return tl::unexpected(done.error());
  if (auto done = write_intake(state, program, bytes); !done) return tl::unexpected(done.error());
  if (auto done = write_node(state, program, bytes); !done) return tl::unexpected(done.error());
  return bytes;
}
}  // namespace tocsin::tests
