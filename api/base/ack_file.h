/// `--ack FILE`: how many lines of standard input are on disk, for a sender that goes on from there
/// after whatever happens.
#pragma once
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <utility>

#include "cep/base/result.h"

namespace tocsin::api {
/// The file holds one whole number and a line end, or is not there. Threading: any.
class AckFile {
 public:
  /// Removes the number of an earlier start, which may be less than what that start had on disk in
  /// the end. Errors: kIo.
  static Result<void> remove(const std::string& path);
  /// Writes the number to go on from. Errors: kIo.
  static Result<void> begin(const std::string& path, std::uint64_t lines);
  explicit AckFile(std::string path) : path_(std::move(path)) {}
  /// So many lines were taken, the last of them by that record of the journal.
  void taken(std::uint64_t sequence, std::uint64_t lines);
  /// Every record before this one is on disk: writes how many lines that are.
  void durable(std::uint64_t durable_end);
  /// Why it could not be written, the first time; empty: it could.
  std::string failure() const;

 private:
  void write_durable();

  std::string path_;
  mutable std::mutex mutex_;
  std::deque<std::pair<std::uint64_t, std::uint64_t>> waiting_;  // record and lines
  std::uint64_t durable_end_ = 0;
  std::string failure_;
};
}  // namespace tocsin::api
