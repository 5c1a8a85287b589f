/// One thread with the connections that live on it.
#pragma once
#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <thread>
#include <utility>

namespace tocsin::api {
class HttpLoop {
 public:
  using Moment = std::chrono::steady_clock::time_point;
  /// What lives on a loop; called on its thread.
  class Member {
   public:
    Member() = default;
    Member(const Member&) = delete;
    Member& operator=(const Member&) = delete;
    virtual ~Member() = default;
    /// Now and then, so that nothing needs a timer of its own.
    virtual void pass_time(Moment now) = 0;
    /// Ends at once, to make room. Only of one that waits.
    virtual void make_room() = 0;
    /// Ends as soon as what was begun allows.
    virtual void stop() = 0;

   private:
    friend class HttpLoop;
    std::list<std::shared_ptr<Member>>::iterator place_;
    std::optional<std::list<Member*>::iterator> waiting_;
    Moment waits_since_;
  };

  /// `sweep` is how often pass_time() is called, `name` that of the thread.
  explicit HttpLoop(std::chrono::milliseconds sweep, const char* name = "http-io");
  /// After end().
  ~HttpLoop();
  HttpLoop(const HttpLoop&) = delete;
  HttpLoop& operator=(const HttpLoop&) = delete;
  void start();
  boost::asio::io_context& context() { return context_; }

  /// From any thread: `task` is run on the loop's.
  template <typename Task>
  void post(Task task) {
    boost::asio::post(context_, std::move(task));
  }
  /// Since when the one waits that waits longest; the greatest number where nobody does.
  std::int64_t waiting_since() const { return waiting_since_; }
  /// Tells every member to stop; the thread ends once all have left.
  void stop();
  /// Waits for that.
  void end();

  // On the loop's thread.
  void join(std::shared_ptr<Member> member);
  void leave(Member& member);
  /// From `now` on it does nothing but wait for its other end; `now` never goes back.
  void begin_waiting(Member& member, Moment now);
  void end_waiting(Member& member);
  /// Ends the one that waits longest; false where nobody does.
  bool make_room();

 private:
  void sweep();
  void end_if_left();
  void note_waiting();

  std::chrono::milliseconds sweep_every_;
  const char* name_;
  boost::asio::io_context context_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> keeps_running_;
  boost::asio::steady_timer timer_;
  std::list<std::shared_ptr<Member>> members_;
  std::list<Member*> waiting_;  // the longest first
  std::atomic<std::int64_t> waiting_since_{INT64_MAX};
  bool is_stopping_ = false;
  std::thread thread_;
};
}  // namespace tocsin::api
