// SPDX-License-Identifier: Apache-2.0
import Torch

/// Processes that share a worker's steps, where the suite started several: `rank=0 size=2 port=29500`.
func processGroup(_ settings: Settings) throws -> ProcessGroup? {
  let size = settings.int("size", 1), rank = settings.int("rank", 0)
  guard size > 1 else { return nil }
  let place = ProcessPlace(
    rank: rank, size: size, localRank: rank, host: "127.0.0.1", port: settings.int("port", 29_500))
  return try ProcessGroup(place, introduction: "dist2-bench")
}

/// Sums of a vector over processes. peers/all_reduce.py does the same.
func allReduce(_ worker: Worker, _ settings: Settings) throws {
  guard let group = try processGroup(settings) else { fatalError("size=… is missing: sums of one process") }
  let vector = Tensor.zeros([settings.int("bytes", 1 << 20) / 4]), repeats = settings.int("repeat", 1)
  try worker.serve {
    for _ in 0..<repeats { try group.sum(vector) }
    let few = Tensor.ones([4])
    try group.sum(few)
    return few.mean().item()
  }
  group.leave()
}
