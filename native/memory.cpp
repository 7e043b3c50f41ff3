// SPDX-License-Identifier: Apache-2.0
// Where tensors on the CPU live.
#include "common.hpp"
#include <c10/core/CPUAllocator.h>
#include <malloc.h>
#include <map>
#include <mutex>
#include <set>
#include <sys/mman.h>
#include <unistd.h>
#include <unordered_map>

namespace {
// Large blocks side by side in one stretch of addresses; what is freed is kept for the next.
//
// With malloc, small blocks that stay (a kernel that oneDNN makes for a new shape, say) come to lie between large ones.
// Where sizes change from step to step the gaps between them fit nothing any more, and a process grows although no step
// needs more than the one before: SmolLM2 held 10.7 GiB after 57 steps, and holds 5.6 so. Large blocks among themselves are
// all free at the end of a step, and their space is whole again.
class LargeBlocks final : public c10::Allocator {
 public:
  // Smaller blocks are malloc's.
  static constexpr size_t kLeast = 256 << 10;

  // The stretch, as long as the machine has memory: it costs nothing until it is written to. Null if there is none.
  static LargeBlocks *make() {
    const size_t room = size_t(sysconf(_SC_PHYS_PAGES)) * size_t(sysconf(_SC_PAGESIZE));
    void *base = mmap(nullptr, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return base == MAP_FAILED ? nullptr : new LargeBlocks(static_cast<char *>(base), room);
  }

  c10::DataPtr allocate(size_t size) override {
    char *block = size < kLeast ? nullptr : take((size + c10::gAlignment - 1) / c10::gAlignment * c10::gAlignment);
    if (!block) return other_->allocate(size);
    return {block, block, &give, c10::Device(c10::DeviceType::CPU)};
  }
  c10::DeleterFnPtr raw_deleter() const override { return &give; }
  bool is_simple_data_ptr(const c10::DataPtr &data) const override { return data.get() == data.get_context(); }
  void copy_data(void *to, const void *from, size_t count) const override { default_copy_data(to, from, count); }

 private:
  LargeBlocks(char *base, size_t room) : base_(base), end_(base + room), other_(c10::GetDefaultCPUAllocator()) {
    shared_ = this;
    put(base, room);
  }

  // The smallest free block that is large enough, the first of its size; null if there is none.
  char *take(size_t size) {
    std::lock_guard lock(mutex_);
    const auto found = bySize_.lower_bound({size, nullptr});
    if (found == bySize_.end()) return nullptr;
    const auto [whole, block] = *found;
    remove(block, whole);
    if (whole > size) put(block + size, whole - size);
    taken_.emplace(block, size);
    return block;
  }

  // As what tensors call when they are gone, with what `allocate` gave them.
  static void give(void *data) {
    char *block = static_cast<char *>(data);
    if (shared_->base_ <= block && block < shared_->end_) shared_->free(block);
    else shared_->other_->raw_deleter()(data);
  }

  // Joined with free neighbours.
  void free(char *block) {
    std::lock_guard lock(mutex_);
    const auto entry = taken_.find(block);
    size_t size = entry->second;
    taken_.erase(entry);
    auto next = byAddress_.lower_bound(block);
    if (next != byAddress_.end() && next->first == block + size) {
      size += next->second;
      remove(next->first, next->second);
    }
    next = byAddress_.lower_bound(block);
    if (next != byAddress_.begin()) {
      const auto [before, length] = *std::prev(next);
      if (before + length == block) {
        remove(before, length);
        block = before;
        size += length;
      }
    }
    put(block, size);
  }

  void put(char *block, size_t size) {
    byAddress_.emplace(block, size);
    bySize_.emplace(size, block);
  }
  void remove(char *block, size_t size) {
    byAddress_.erase(block);
    bySize_.erase({size, block});
  }

  // Deleters are plain functions; there is one stretch in a process, and it stays.
  static inline LargeBlocks *shared_ = nullptr;
  char *const base_;
  char *const end_;
  c10::Allocator *const other_;
  std::mutex mutex_;
  std::map<char *, size_t> byAddress_;
  std::set<std::pair<size_t, char *>> bySize_;
  std::unordered_map<char *, size_t> taken_;
};
}  // namespace

extern "C" void ct_keep_memory() {
  static std::once_flag once;
  std::call_once(once, [] {
    // Both together, or not at all: freed blocks stay with us instead of being faulted in again each step.
    mallopt(M_MMAP_THRESHOLD, INT32_MAX);
    mallopt(M_TRIM_THRESHOLD, INT32_MAX);
    if (LargeBlocks *blocks = LargeBlocks::make()) c10::SetCPUAllocator(blocks);
  });
}
