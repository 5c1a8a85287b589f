/// What a store on RocksDB is opened with.
#pragma once
#include <cstddef>
#include <string>
#include <vector>

namespace tocsin::runtime {
struct RocksStoreOptions {
  /// Names of the families, at least one; the first must be "default". A store on disk may lack
  /// some: they are made. One that has others is refused as newer.
  std::vector<std::string> families;
  std::size_t write_buffer_bytes = std::size_t{8} << 20;        // of one family
  std::size_t write_buffers_bytes_max = std::size_t{32} << 20;  // of all
  std::size_t block_cache_bytes = std::size_t{16} << 20;
  std::size_t log_bytes_max = std::size_t{64} << 20;  // written again at an opening, at most
  int background_jobs = 2;
  /// The file of its end mark (runtime/journal/end_mark.h), which an owner keeps: the number of the
  /// last change that was synced, and one. A store that ends before it is damaged. Empty: none.
  std::string end_mark = {};
};
}  // namespace tocsin::runtime
