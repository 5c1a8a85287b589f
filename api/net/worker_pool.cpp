#include "api/net/worker_pool.h"

#include <system_error>
#include <utility>

#include "runtime/io/background_thread.h"

namespace tocsin::api {
WorkerPool::~WorkerPool() { end(); }

bool WorkerPool::submit(Task task, const std::string& asker) {
  {
    const std::lock_guard lock(mutex_);
    if (ends_) return false;
    const bool has_thread = tasks_.size() < idle_ || add_thread();
    if (!has_thread && !has_place(asker)) return false;
    if (!asker.empty()) ++waiting_by_[asker];
    tasks_.push_back({std::move(task), asker});
  }
  changed_.notify_one();
  return true;
}

// Requires mutex_: whether one more may wait.
bool WorkerPool::has_place(const std::string& asker) const {
  if (threads_.empty() || tasks_.size() >= limits_.queue_max + idle_) return false;
  const auto own = waiting_by_.find(asker);
  return own == waiting_by_.end() || own->second < limits_.queue_each_max;
}

// Requires mutex_, and that there is one.
WorkerPool::Waiting WorkerPool::take_first() {
  Waiting first = std::move(tasks_.front());
  tasks_.pop_front();
  if (const auto own = waiting_by_.find(first.asker);
      own != waiting_by_.end() && --own->second == 0) {
    waiting_by_.erase(own);
  }
  return first;
}

// Requires mutex_. False: there are as many as may be, or as the system allows.
bool WorkerPool::add_thread() {
  if (threads_.size() >= limits_.threads_max) return false;
  try {
    threads_.emplace_back([this] { work(); });
  } catch (const std::system_error&) {
    return false;
  }
  return true;
}

void WorkerPool::drop() {
  std::deque<Waiting> dropped;
  {
    const std::lock_guard lock(mutex_);
    ends_ = true;
    dropped.swap(tasks_);
    waiting_by_.clear();
  }
  changed_.notify_all();
  for (Waiting& one : dropped) one.task(true);
}

void WorkerPool::end() {
  drop();
  std::vector<std::thread> threads;
  {
    const std::lock_guard lock(mutex_);
    threads.swap(threads_);
  }
  for (std::thread& thread : threads) thread.join();
}

std::size_t WorkerPool::threads() const {
  const std::lock_guard lock(mutex_);
  return threads_.size();
}

void WorkerPool::work() {
  runtime::begin_background_thread(limits_.name);
  std::unique_lock lock(mutex_);
  for (;;) {
    ++idle_;
    changed_.wait(lock, [&] { return !tasks_.empty() || ends_; });
    --idle_;
    if (tasks_.empty()) return;
    {
      const Waiting first = take_first();
      lock.unlock();
      first.task(false);
    }
    lock.lock();
  }
}
}  // namespace tocsin::api
