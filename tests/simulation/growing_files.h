/// The files of a simulated world, which somebody writes on while nodes read them.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "runtime/series/input_files.h"
#include "tests/simulation/world.h"

namespace tocsin::simulation {
/// Each holds the beginning of its script, and at times of a line.
class GrowingFiles : public runtime::InputFiles {
 public:
  GrowingFiles(const World& world, tests::Random& random);
  Result<runtime::InputStatus> status(const std::string& path) override;
  Result<std::unique_ptr<runtime::ByteSource>> open_stored(const std::string& path,
                                                           runtime::StopRequested stop) override;

  std::vector<std::string> paths() const;
  /// Whether those opened from here on have nothing at hand now and then.
  void let_pause(bool pauses) { pauses_ = pauses; }
  /// How often one was read while another, which was asked before, had nothing at hand.
  std::uint64_t reads_ahead() const { return turns_.reads_ahead; }

  /// Whose lines are waited for.
  struct Turns {
    const void* waited_for = nullptr;
    std::uint64_t reads_ahead = 0;
  };
  /// Some of them grow; `whole`: all, to their ends.
  void grow(bool whole);
  /// Up to the end of the last line that is whole.
  std::uint64_t whole_lines(const std::string& path) const;
  /// The last line lacks its end.
  bool is_within_line(const std::string& path) const;

 private:
  struct File {
    std::uint64_t inode = 0;
    std::string text;                 // all that will ever be in it
    std::vector<std::uint64_t> ends;  // of its lines
    std::size_t lines = 0;            // that are there
    std::uint64_t size = 0;           // they, and the beginning of another one
  };
  std::map<std::string, File> files_;
  tests::Random& random_;
  bool pauses_ = false;
  Turns turns_;
};
}  // namespace tocsin::simulation
