#include "api/node/offline_node.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "api/base/command.h"
#include "api/base/exit_code.h"
#include "api/custody/private_data.h"
#include "api/node/kept_rules.h"
#include "api/rules/text_cache.h"
#include "runtime/checkpoint/checkpoint.h"
#include "runtime/checkpoint/data_directory.h"
#include "runtime/checkpoint/savepoint.h"
#include "runtime/effects/effect_reader.h"
#include "runtime/inputs/input_file.h"
#include "runtime/io/clock.h"
#include "runtime/io/system_files.h"
#include "runtime/io/thread_executor.h"
#include "runtime/journal/blob_store.h"
#include "runtime/journal/file_tree.h"
#include "runtime/store/rocks_state_store.h"
#include "runtime/store/rocks_store.h"

namespace tocsin::api {
namespace {
// For a node that only looks: it stores nothing.
class NoStore : public runtime::Store {
 public:
  Result<std::optional<std::string>> get(runtime::StoreFamily /*family*/,
                                         std::string_view /*key*/) const override {
    return std::nullopt;
  }
  Result<void> scan(runtime::StoreFamily /*family*/, const runtime::StoreRange& /*range*/,
                    const runtime::StoreVisitor& /*visit*/) const override {
    return {};
  }
  Result<std::uint64_t> approximate_bytes(runtime::StoreFamily /*family*/) const override {
    return 0;
  }
  Result<runtime::StoreStats> stats() const override { return runtime::StoreStats{}; }
  Result<void> write(const runtime::StoreBatch& /*batch*/, bool /*sync*/) override {
    return fail(Errc::kUnsupported, "nothing is stored where one only looks");
  }
};
}  // namespace

struct OfflineNode::Parts {
  runtime::SystemFiles files;
  runtime::SystemClock clock;
  runtime::RocksStateStores states{files};
  runtime::FileRanges ranges{{}};
  std::optional<runtime::DataDirectory> directory;
  std::unique_ptr<runtime::Store> store;
  runtime::ThreadExecutor executor;
  LoadedRules rules;
  std::unique_ptr<runtime::Node> node;
  bool is_savepoint = false;

  runtime::NodePorts ports() { return {files, clock, *store, states, executor, ranges}; }

  // The rules and options that hold at the end of what is there.
  Outcome<runtime::NodeOptions> options(const runtime::Beginning& beginning,
                                        const std::string& blob_folder) {
    const runtime::BlobStore blobs = runtime::BlobStore::look(files, blob_folder);
    Result<std::vector<runtime::NamedContents>> texts = read_texts(blobs, beginning.blobs);
    if (!texts) return stop(exit_code_of_named(texts.error().code), texts.error().message);
    Outcome<KeptRules> kept = load_kept(beginning.settings, *texts);
    if (!kept) return tl::unexpected(kept.error());
    rules = std::move(kept->rules);
    runtime::NodeOptions options;
    options.settings = std::move(kept->settings);
    options.texts = *std::move(texts);
    options.compile = compile_kept;
    options.intake = kept->intake;
    options.segment_bytes = kept->durable.segment_bytes;
    return options;
  }
};

OfflineNode::OfflineNode(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
OfflineNode::~OfflineNode() = default;
runtime::Node& OfflineNode::node() { return *parts_->node; }
const cep::Program& OfflineNode::program() const { return *parts_->rules.program; }
bool OfflineNode::is_savepoint() const { return parts_->is_savepoint; }

Outcome<std::unique_ptr<OfflineNode>> OfflineNode::open(const std::string& data) {
  const auto refuse = [](const Error& error) {
    return stop(exit_code_of_named(error.code), error.message);
  };
  auto parts = std::make_unique<Parts>();
  Result<runtime::DataDirectory> directory = take_data_directory(parts->files, data, false);
  if (!directory) return refuse(directory.error());
  parts->directory = *std::move(directory);
  const runtime::DataPaths& paths = parts->directory->paths();
  use_text_cache_of_data(paths.directory);
  Result<std::optional<runtime::Beginning>> beginning =
      runtime::find_beginning(parts->files, paths, true);
  if (!beginning) return refuse(beginning.error());
  if (!*beginning) return stop(ExitCode::kDataDirectory, data + ": nothing was run in it yet");
  runtime::RocksStoreOptions store_options;
  store_options.families = runtime::effect_families();
  store_options.end_mark = paths.store_end;
  Result<std::unique_ptr<runtime::RocksStore>> store =
      runtime::RocksStore::open(paths.store, store_options);
  if (!store) return refuse(store.error());
  parts->store = *std::move(store);
  Outcome<runtime::NodeOptions> options = parts->options(**beginning, paths.blobs);
  if (!options) return tl::unexpected(options.error());
  options->past = past_runs(parts->files, paths);
  Result<std::unique_ptr<runtime::Node>> node = runtime::Node::open(
      parts->ports(), *parts->directory, *parts->rules.program, *std::move(options));
  if (!node) return refuse(node.error());
  parts->node = *std::move(node);
  return std::unique_ptr<OfflineNode>(new OfflineNode(std::move(parts)));
}

namespace {
// The files of an owner that come and go.
std::vector<std::string> names_of(const std::string& folder) {
  runtime::SystemFiles files;
  const runtime::DataPaths paths(folder);
  std::vector<std::string> all;
  for (const std::string& part : {paths.checkpoints, paths.journal}) {
    const runtime::FileResult<std::vector<std::string>> names = files.list(part);
    if (names) all.insert(all.end(), names->begin(), names->end());
  }
  return all;
}
}  // namespace

Outcome<std::unique_ptr<OfflineNode>> OfflineNode::look(const std::string& folder) {
  // What is read may go meanwhile: a checkpoint for a newer one, a segment that none needs.
  constexpr int kTriesMax = 20;
  for (int tries = 1;; ++tries) {
    const std::vector<std::string> before = names_of(folder);
    Outcome<std::unique_ptr<OfflineNode>> looked = look_once(folder);
    if (looked || tries == kTriesMax || names_of(folder) == before) return looked;
  }
}

Outcome<std::unique_ptr<OfflineNode>> OfflineNode::look_once(const std::string& folder) {
  const auto refuse = [](const Error& error) {
    return stop(exit_code_of_named(error.code), error.message);
  };
  auto parts = std::make_unique<Parts>();
  parts->store = std::make_unique<NoStore>();
  const runtime::DataPaths paths(folder);
  std::optional<runtime::Beginning> beginning;
  std::string blobs = paths.blobs;
  std::optional<std::string> savepoint;
  const Result<bool> is_savepoint = runtime::exists(parts->files, runtime::manifest_path(folder));
  if (!is_savepoint) return refuse(is_savepoint.error());
  if (*is_savepoint) {
    const Result<runtime::Manifest> manifest = runtime::read_manifest(parts->files, folder);
    if (!manifest) return refuse(manifest.error());
    parts->is_savepoint = true;
    savepoint = folder;
    blobs = runtime::savepoint_blobs(folder);
    Result<runtime::Beginning> found = runtime::beginning_of(manifest->meta, folder);
    if (!found) return refuse(found.error());
    beginning = *std::move(found);
  } else {
    if (auto checked = runtime::check_data_directory(parts->files, folder); !checked) {
      return refuse(checked.error());
    }
    Result<std::optional<runtime::Beginning>> found =
        runtime::find_beginning(parts->files, paths, true);
    if (!found) return refuse(found.error());
    beginning = *std::move(found);
  }
  if (!beginning) return stop(ExitCode::kDataDirectory, folder + ": nothing was run in it yet");
  Outcome<runtime::NodeOptions> options = parts->options(*beginning, blobs);
  if (!options) return tl::unexpected(options.error());
  options->from = savepoint;
  options->past = past_runs(parts->files, paths);
  Result<std::unique_ptr<runtime::Node>> node =
      runtime::Node::look(parts->ports(), paths, *parts->rules.program, *std::move(options));
  if (!node) return refuse(node.error());
  parts->node = *std::move(node);
  return std::unique_ptr<OfflineNode>(new OfflineNode(std::move(parts)));
}
}  // namespace tocsin::api
