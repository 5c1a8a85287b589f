/// What a checkpoint says about itself, as a manifest that names and seals all of its files. The
/// layout and the reasons: docs/decisions/0013-checkpoints.md.
///
///   DIR/checkpoints/000000000007/   one checkpoint; a savepoint is the same, with the blobs
///     manifest     meta, and name, size and XXH3-128 of every other file; written last
///     engine       CheckpointMeta::globals      intake, node: likewise
///     state/…      the state store's files
///     blobs/HEX    a savepoint's
///   DIR/checkpoints/….new       being made; ….old: being removed
///   DIR/checkpoints/….damaged   set aside: an older one was good
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cep/base/result.h"
#include "cep/value/identity.h"
#include "cep/value/time.h"
#include "runtime/io/files.h"
#include "runtime/journal/file_tree.h"
#include "runtime/journal/journal_format.h"
#include "runtime/journal/journal_record.h"
#include "runtime/store/state_store.h"

namespace tocsin::runtime {
/// Of manifest and files: raised with the format of any of them (docs/decisions/0047). A newer one
/// is refused. 0, of builds before the first release, has the same bytes as 1.
inline constexpr std::uint32_t kCheckpointFormat = 1;

/// A blob that the state was made under: rule texts, lists, tables (runtime/journal/blob_store.h).
struct CheckpointBlob {
  std::string role;  // as BlobReference::role
  std::uint64_t bytes = 0;
  cep::Digest digest{};
  friend bool operator==(const CheckpointBlob&, const CheckpointBlob&) = default;
};
struct CheckpointMeta {
  std::uint64_t number = 0;  // given by the writer: one more than the greatest that there was
  Timeline timeline;
  std::uint32_t semantics = 0;
  cep::Digest plan_digest{};
  std::uint64_t position = 1;  // sequence of the next record to process
  std::uint64_t trim = 1;      // of the oldest record that is needed to go on; <= position
  std::string mark;            // the emitted mark at the cut, in the effect store's own form
  cep::EventTime watermark = cep::kEventTimeMin;  // for people; the engine's own is in globals
  cep::EventTime taken_at;                        // processing time
  std::string settings;                           // arguments of the command `begin`
  std::vector<CheckpointBlob> blobs;
  // Of any length: files of their own beside the manifest.
  std::string globals;  // Engine::begin_snapshot()
  std::string intake;   // Intake::save()
  std::string node;     // the node's own: offsets of sources
  friend bool operator==(const CheckpointMeta&, const CheckpointMeta&) = default;
};
struct ManifestFile {
  std::string name;  // within the checkpoint: "state/000012.sst"
  std::uint64_t bytes = 0;
  RangeDigest digest{};
  friend bool operator==(const ManifestFile&, const ManifestFile&) = default;
};
struct Manifest {
  std::string savepoint;            // its name; empty for a checkpoint
  CheckpointMeta meta;              // without globals, intake, node
  std::vector<ManifestFile> files;  // by name; all but the manifest itself
  friend bool operator==(const Manifest&, const Manifest&) = default;
};
/// Equal manifests have equal bytes.
std::string encode_manifest(const Manifest& manifest);
/// `path` is for messages. Fails with kCorrupt for anything that encode_manifest() does not give,
/// kOtherVersion for a newer format, with what to do.
Result<Manifest> decode_manifest(std::string_view bytes, const std::string& path);
/// Of the checkpoint or savepoint in `directory`; kNotFound where there is none.
Result<Manifest> read_manifest(Files& files, const std::string& directory);

/// How a checkpoint is compared with its manifest.
struct CheckpointCheck {
  /// Called with the bytes of each piece that was read; may be empty.
  std::function<void(std::uint64_t bytes)> read = {};
  /// Gets all that is wrong, not only the first; may be null.
  std::vector<Error>* all = nullptr;
  /// Files that were read already, by whatever name; they are not read again, and more are noted.
  /// May be null.
  std::map<FileIdentity, FileDigest>* known = nullptr;
};
/// Reads every file of a checkpoint or savepoint once and compares size and digest. Fails with
/// kCorrupt naming the first file that is damaged, missing, or in state/ though the manifest does
/// not know it; kOtherVersion for a newer format; kNotFound
/// where `directory` is not there; kIo.
Result<Manifest> verify_checkpoint(Files& files, const std::string& directory,
                                   const CheckpointCheck& check = {});
/// A checkpoint of which every byte was compared.
struct GoodCheckpoint {
  std::string directory;
  CheckpointMeta meta;  // whole
  std::vector<ManifestFile> files;
  /// Newer ones that are damaged, with what is wrong; newest first.
  struct Damaged {
    std::string directory;
    std::string message;
  };
  std::vector<Damaged> damaged;
};
/// As verify_checkpoint(), of a checkpoint or a savepoint.
Result<GoodCheckpoint> load_checkpoint(Files& files, const std::string& directory);
/// The newest checkpoint in `directory` (DIR/checkpoints) that is whole; nothing where there never
/// was one. Only reads, and opens no store before every digest was compared. Fails with kCorrupt
/// where there are some and all are damaged (the message names the files), kOtherVersion where the
/// newest readable one is of a newer format or of another semantics number than `semantics` where
/// it is said, with the remedy.
Result<std::optional<GoodCheckpoint>> newest_good(Files& files, const std::string& directory,
                                                  std::optional<std::uint32_t> semantics);
/// Names and contents of the files that hold what is of any length. The meta must outlive them.
std::vector<std::pair<std::string, std::string_view>> checkpoint_texts(const CheckpointMeta& meta);
/// So many of the newest, whole, are what a start may go on from; the journal keeps what they need.
inline constexpr std::size_t kCheckpointsKept = 2;
/// "DIRECTORY/manifest"
std::string manifest_path(const std::string& directory);
/// "DIR/checkpoints/000000000007"
std::string checkpoint_path(const std::string& directory, std::uint64_t number);
/// Numbers of those that are there under their final names, ascending; none where `directory` is
/// not there.
Result<std::vector<std::uint64_t>> list_checkpoints(Files& files, const std::string& directory);
}  // namespace tocsin::runtime
