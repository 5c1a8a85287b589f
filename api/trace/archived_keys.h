/// The events of keys that a server has archived, as an input of a run.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/backtest/archive_input.h"
#include "api/node/run_arguments.h"
#include "api/trace/key_trace.h"
#include "cep/base/result.h"
#include "cep/compile/compile.h"
#include "cep/engine/key_report.h"
#include "runtime/archive/archive_lines.h"
#include "runtime/checkpoint/data_directory.h"
#include "runtime/event_time/intake_options.h"
#include "runtime/event_time/run_options.h"
#include "runtime/io/byte_source.h"
#include "runtime/io/files.h"
#include "runtime/replay/archived_arrivals.h"

namespace tocsin::api {
/// Lines of an archive. What is damaged is passed over, and noted. Threading: one caller at a time.
class NotedLines {
 public:
  /// `notes` is nobody else's until this is gone.
  NotedLines(std::unique_ptr<runtime::ArchiveLines> lines, ArchiveNotes& notes);
  /// Nothing at the end, when what is missing was noted. Fails as ArchiveLines::next(), but for
  /// damage only where there is much of it.
  Result<std::optional<runtime::ArchivedLine>> next();
  const runtime::ArchiveReader& reader() const { return lines_->reader(); }

 private:
  void note_damage(const Error& damage);

  std::unique_ptr<runtime::ArchiveLines> lines_;
  ArchiveNotes& notes_;
  std::uint64_t damages_ = 0;
};
/// A data directory, to be read as `tocsin archive cat` prints it.
class ArchivedKeys {
 public:
  /// `from` and `to` as `tocsin archive cat` has them; empty: all lines. Fails with kUsage for a
  /// time that is none, and with kDataDirectory for a folder that is no data directory.
  static Outcome<ArchivedKeys> open(runtime::Files& files, const std::string& data,
                                    const std::string& from, const std::string& to);
  /// The lines from the beginning; with `from` or `to` those that are events by the types of
  /// `program`, with `keys` those of any of these keys. What is missing is put into `notes`, which
  /// is nobody else's until the source is gone. `files` of open(), and `notes`, must outlive it.
  /// Fails as ArchiveLines::open().
  Result<std::unique_ptr<runtime::ByteSource>> read(
      const cep::Program& program, ArchiveNotes& notes,
      const std::vector<cep::KeyQuery>& keys = {}) const;
  /// The same as lines, with their places. Ends where `stop_requested`, which may be empty, says
  /// so.
  Result<std::unique_ptr<NotedLines>> lines(const cep::Program& program, ArchiveNotes& notes,
                                            const std::vector<cep::KeyQuery>& keys,
                                            std::function<bool()> stop_requested = {}) const;
  /// Says in a request how it is read. Fails as ArchiveReader.
  Result<void> describe(TraceRequest& request) const;
  /// The same as it came: by sources, each judged by when it was taken, with what a clock decided.
  /// `changes_lists`: those of the program, which are as declared, change as they did. Fails as
  /// ArchivedArrivals::open().
  Result<std::unique_ptr<runtime::ArchivedArrivals>> replay(const cep::Program& program,
                                                            const runtime::RunOptions& options,
                                                            bool changes_lists) const;

 private:
  ArchivedKeys(runtime::Files& files, const std::string& data,
               std::optional<runtime::TimeSpan> times)
      : files_(&files), paths_(data), times_(times) {}

  runtime::Files* files_;
  runtime::DataPaths paths_;
  std::optional<runtime::TimeSpan> times_;
};
/// What of an archive an engine is given.
struct KeyReading {
  const cep::Program& program;
  const std::vector<cep::KeyQuery>& keys;
  bool is_replayed = false;    // all of it as it came; else the events of the keys
  bool changes_lists = false;  // where all of it is: as ArchivedKeys::replay()
};
/// Calls `advance` with slices of it, in order of time, with the options as read_slices() has them;
/// what is missing is put into `notes`. Fails as ArchivedKeys::read(), as replay(), or as `advance`
/// did.
Result<void> read_keys(const ArchivedKeys& archive, const KeyReading& reading,
                       const runtime::RunOptions& options, ArchiveNotes& notes,
                       const runtime::Advance& advance);
/// Traces it: what the key has of it, or, where other keys make a difference, all of it as it came.
/// `name` is that of the input in messages; what is missing is put into `notes`. Fails as
/// KeyTracer::run().
Result<KeyTrace> trace_archive(KeyTracer& tracer, const ArchivedKeys& archive,
                               const std::string& name, const runtime::RunOptions& options,
                               const runtime::Sinks& sinks, ArchiveNotes& notes);
}  // namespace tocsin::api
