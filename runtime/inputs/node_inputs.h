/// The inputs of a durable run, read to their ends and handed to a node: files, known again by what
/// they hold, and standard input.
#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "cep/base/result.h"
#include "runtime/event_time/input_form.h"
#include "runtime/event_time/merge_order.h"
#include "runtime/event_time/run_options.h"
#include "runtime/event_time/time_keeper.h"
#include "runtime/inputs/input_file.h"
#include "runtime/io/block_reader.h"
#include "runtime/io/clock.h"
#include "runtime/node/node.h"
#include "runtime/series/file_series.h"
#include "runtime/series/input_files.h"

namespace tocsin::runtime {
struct NodeInputOptions {
  /// Of files; standard input is JSON lines.
  InputReading reading;
  std::size_t line_bytes_max = 1 << 20;
  /// Of inputs that may have more at a later start.
  UnfinishedLine unfinished_line = UnfinishedLine::kLeave;
  /// Of directories, and of files that are followed.
  FileSeriesOptions series;
  /// Must outlive the inputs.
  InputFiles* files = &system_input_files();
  SilenceOptions silence;
  /// While the input whose turn it is has nothing at hand: reads the others on, as far as
  /// Intake::may_read() lets them. Events of several inputs at the same time then stand in the
  /// order in which they were read, which the journal keeps.
  bool reads_ahead = false;
  /// Asked while waiting, and between blocks.
  StopRequested stop_requested;
  std::function<void(const Progress&)> progress;
  /// What is worth telling while it runs: a line. May be empty.
  std::function<void(const std::string&)> note;
  /// Lines of standard input so far, and the record that brought the last of them.
  std::function<void(std::uint64_t sequence, std::uint64_t lines)> standard_input_taken;
};

/// Threading: one caller at a time.
class NodeInputs {
 public:
  /// Opens all of `paths` ("-": standard input), in this order: each that may have more holds back
  /// time from here on. Sources that the node knows and that are not among them no longer do. Fails
  /// as match_files() and open_source() do.
  static Result<std::unique_ptr<NodeInputs>> open(Node& node, Clock& clock,
                                                  const std::vector<std::string>& paths,
                                                  NodeInputOptions options);
  /// Reads all to their ends: always the next line of the input whose own watermark is least, as a
  /// run without a data directory does, or with `reads_ahead` lines of others while that one has
  /// none. Fails with kStopped where it is asked to stop, after all
  /// that was read was handed over; with kLimit where there is no room (Node::check_room()); as the
  /// inputs and the node do.
  Result<void> run();
  /// What is worth telling of how the inputs were found: one line each.
  const std::vector<std::string>& notes() const { return notes_; }
  /// After run(): inputs of which the last line has no end and was left, one sentence each.
  std::vector<std::string> unfinished() const;

 private:
  struct Input {
    std::string path;
    std::size_t source = 0;     // in the node
    std::size_t in_intake = 0;  // its index there
    std::size_t in_keeper = 0;
    std::unique_ptr<FileSeries> series = {};  // null: one file
    bool has_next_part = false;               // that of the file at hand is known
    std::optional<SeriesPart> next_part = {};
    std::unique_ptr<BlockReader> reader = {};
    std::string_view rest = {};  // of the block in hand
    bool is_standard_input = false;
    bool is_idle = false;  // by this process's decision
    bool is_over = false;
  };
  struct Unfinished {
    std::string path;  // "-": standard input
    std::uint64_t bytes = 0;
  };
  NodeInputs(Node& node, Clock& clock, NodeInputOptions options);
  Result<void> open_all(const std::vector<std::string>& paths);
  Result<void> open_file(FileMatch& file);
  // After the end of time: fails where there is a line that was not taken.
  Result<void> check_nothing_new(const std::vector<std::string>& paths);
  Result<void> open_standard_input();
  bool is_series(const std::string& path) const;
  Result<void> open_series(const std::string& path);
  FileSeriesOptions series_options(const std::string& name) const;
  Result<void> begin_part(Input& input, SeriesPart part);
  Result<std::optional<CsvFormat>> part_format(Input& input, SeriesPart& part);
  // Of an input of which a file has ended.
  Result<void> end_part(Input& input);
  void tell_notes(FileSeries& series);
  Result<void> leave_others(const std::vector<std::string>& names);
  Result<std::unique_ptr<ByteSource>> open_bytes(const std::string& path);
  Result<void> add(std::size_t source, const std::string& path, std::unique_ptr<ByteSource> bytes,
                   std::optional<char> separator = std::nullopt);
  Result<std::optional<CsvFormat>> known_format(const FileMatch& file) const;
  void reorder();
  Result<void> decide(const Decision& decision);
  Result<void> take(Input& input, MergeOrder* order);
  // True where anything was read.
  Result<bool> read_ahead(const Input& holder);
  Result<bool> read_on(Input& input, std::size_t place);
  Result<void> need_bytes(Input& input);
  // False if another input has become the next one.
  Result<bool> wait_for(Input& input);
  Result<void> wake(Input& input);
  Result<void> look_at_idle();
  Result<void> end(Input& input);
  Result<void> look_around();
  void report_progress();

  Node& node_;
  Clock& clock_;
  NodeInputOptions options_;
  TimeKeeper keeper_;
  std::vector<Input> inputs_;
  std::optional<MergeOrder> order_;
  std::size_t open_count_ = 0;
  std::vector<std::string> notes_;
  bool is_open_ = false;
  std::set<std::string> formats_;  // of CSV, that were told
  std::vector<Unfinished> unfinished_;
  std::uint64_t bytes_taken_ = 0;  // by this process
  std::chrono::steady_clock::time_point next_progress_;
  std::chrono::steady_clock::time_point next_room_look_{};
  std::uint64_t room_look_at_ = 0;  // in bytes_taken_
};
}  // namespace tocsin::runtime
