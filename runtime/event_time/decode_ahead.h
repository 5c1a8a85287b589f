/// Reads and decodes the blocks of inputs ahead of their use, on several threads. What comes of it
/// depends on the inputs alone: a block is a function of its bytes, and an input's blocks are read
/// and taken in order.
#pragma once
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "cep/base/result.h"
#include "runtime/csv/csv_events.h"
#include "runtime/decode/decoded_block.h"
#include "runtime/event_time/block_decoder.h"
#include "runtime/io/line_blocks.h"
#include "runtime/io/worker_threads.h"

namespace tocsin::runtime {
/// The threads are those of workers, which decode while they have no parts to do. Threading: one
/// caller at a time.
class DecodeAhead {
 public:
  using MakeDecoder = std::function<BlockDecoder()>;
  /// Each worker has a decoder of its own; the workers outlive it, and do no other pieces
  /// meanwhile. Blocks have about `block_bytes`.
  DecodeAhead(WorkerThreads& workers, const MakeDecoder& make_decoder,
              std::size_t block_bytes = LineBlocks::kReadBytes);
  /// Waits for what the threads are at.
  ~DecodeAhead();
  DecodeAhead(const DecodeAhead&) = delete;
  DecodeAhead& operator=(const DecodeAhead&) = delete;

  /// Adds an input; its number is 0, 1, 2, …. Requires that no block was taken.
  /// `csv`: as BlockInput has it.
  std::size_t add(std::unique_ptr<ByteSource> bytes, std::size_t line_bytes_max,
                  const CsvEvents* csv = nullptr);
  struct Block {
    DecodedBlock decoded;
    bool has_lines = false;            // `decoded` is of this block
    bool is_last = false;              // of its input
    std::uint64_t bytes_unpacked = 0;  // of the input, up to its end
    std::uint64_t bytes_read = 0;      // as ByteSource::bytes_read() has it, likewise
  };
  /// The input's next block, waited for; requires that its last one was not taken. It stays until
  /// the next call for this input. An error is that of a read, and is the last.
  Result<Block*> take(std::size_t input);

 private:
  enum class SlotState : std::uint8_t { kFree, kBusy, kReady };
  struct Slot {
    SlotState state = SlotState::kFree;
    std::vector<char> buffer;
    CsvBlock csv;
    Block block;
    Result<void> read;
  };
  struct Input {
    Input(LineBlocks of, const CsvEvents* rows) : blocks(std::move(of)), csv(rows) {}
    LineBlocks blocks;     // of whoever set `is_reading`
    const CsvEvents* csv;  // null: JSON lines
    std::vector<Slot> slots = {};
    std::uint64_t read = 0;   // blocks, so far
    std::uint64_t taken = 0;  // and given back
    bool has_taken = false;   // one that was not given back
    bool is_reading = false;
    bool is_first = true;  // no line was read
    bool is_ended = false;
  };
  void begin();
  bool do_piece(BlockDecoder& decoder);
  Input* next_input();
  static bool may_read(const Input& input);
  void read_block(Input& input, BlockDecoder& decoder, std::unique_lock<std::mutex>& lock);

  WorkerThreads& workers_;
  std::size_t block_bytes_;
  std::mutex mutex_;
  std::condition_variable is_ready_;
  std::deque<Input> inputs_;
  bool is_begun_ = false;
  std::exception_ptr failure_;         // of a thread, which has ended
  std::deque<BlockDecoder> decoders_;  // by worker, the caller's first
};
}  // namespace tocsin::runtime
