/// Threads that do the parts of one piece of work at the same time.
#pragma once
#include <atomic>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "cep/base/workers.h"

namespace tocsin::runtime {
/// The caller and each thread take the next part until there is none. So a thread that the machine
/// holds up delays only the part that it has taken. A thread that has nothing to do looks for work
/// for some microseconds, longer after work and where it is expected, and then sleeps. So does the
/// caller that waits for the last part. One ring of a bell wakes all.
///
/// The last thread may lead: it then runs parts as the caller would, while the caller does
/// something else (begin_lead()). From then on it does no pieces of other work.
class WorkerThreads : public cep::Workers {
 public:
  static constexpr std::uint32_t kRowsOfPart = 128;
  /// So many workers, 1 or more: the caller and a thread for each other one.
  explicit WorkerThreads(std::uint32_t count, std::uint32_t rows_of_part_min = kRowsOfPart);
  ~WorkerThreads() override;
  std::uint32_t count() const override { return static_cast<std::uint32_t>(threads_.size()) + 1; }
  std::uint32_t rows_of_part_min() const override { return rows_of_part_min_; }
  void expect() override;
  /// What a part throws is thrown here once all have ended. Requires that parts < 65,536.
  void run(std::uint32_t parts, const Work& work) override;

  /// Does a piece of work as this worker; false where there was none. Throws nothing.
  using Piece = std::function<bool(std::uint32_t worker)>;
  /// From now on threads without a part do pieces of other work, several at the same time, until
  /// end_pieces(). Parts come first; a piece that was begun ends before its thread takes one.
  void begin_pieces(Piece piece);
  /// There may be a piece again. Any thread may call it.
  void offer_piece() { ring(kThreadsWithoutPieces + 1); }
  /// Returns when no thread is in a piece, and none begins one any more.
  void end_pieces();

  /// Has the last thread do `work`, and returns at once. run() and expect() belong to `work` until
  /// join() has returned. Requires count() > 1, and that no lead is under way.
  void begin_lead(std::function<void()> work);
  /// Works as number 0 on the parts of the lead, until it has ended; throws what it threw.
  void join();

 private:
  struct Alone {};  // the caller is the only worker
  // The caller in join(), and the last thread: one of so many and one more does pieces.
  static constexpr std::uint32_t kThreadsWithoutPieces = 2;
  WorkerThreads(Alone, std::uint32_t rows_of_part_min) : rows_of_part_min_(rows_of_part_min) {}
  // Two threads do not write to one cache line.
  struct alignas(64) Thread {
    std::exception_ptr failure;
    std::thread thread;
  };
  void serve(Thread& self, std::uint32_t worker, bool is_last);
  void lead(std::uint32_t worker);
  std::uint32_t others() const { return static_cast<std::uint32_t>(threads_.size()); }
  void ring(std::uint32_t wakes);
  bool has_parts() const;
  bool do_piece(std::uint32_t worker);
  void do_parts(std::uint32_t worker, std::exception_ptr& failure);

  std::uint32_t rows_of_part_min_;
  std::vector<std::unique_ptr<Thread>> threads_;
  const Work* work_ = nullptr;
  // Moves on when there is something to look at: parts, the expectation of some, or the end.
  alignas(64) std::atomic<std::uint32_t> bell_{0};
  std::atomic<bool> is_ending_{false};
  Piece piece_;
  std::atomic<bool> has_pieces_{false};
  std::atomic<std::uint32_t> in_pieces_{0};  // threads
  enum class Lead : std::uint8_t { kNone, kBegun, kEnded };
  std::atomic<Lead> lead_{Lead::kNone};
  std::atomic<bool> has_led_{false};  // ever
  std::function<void()> lead_work_;
  std::exception_ptr lead_failure_;
  std::uint32_t runner_ = 0;           // who may call run()
  std::exception_ptr caller_failure_;  // of a part that the caller did for the lead
  // The number of the run in the upper half, then how many parts it has, then the next one. Who
  // moves it on has that part, and the run does not end before the part does.
  alignas(64) std::atomic<std::uint64_t> next_{0};
  alignas(64) std::atomic<std::uint32_t> left_{0};  // parts that have not ended
};
}  // namespace tocsin::runtime
