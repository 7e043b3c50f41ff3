// SPDX-License-Identifier: Apache-2.0
import Torch

/// Weights that lie as their gradients do, so that what each process has updated reaches the others where it belongs.
struct FlatWeights {
  private let flats: [Tensor]
  private let layout: BucketLayout
  private let group: ProcessGroup
  /// Buckets under way at once: Gloo has memory for each.
  private static let atOnce = 2

  /// Moves the parameters there: each stays the same tensor, with other memory.
  init(_ parameters: [Tensor], _ layout: BucketLayout, _ group: ProcessGroup) {
    flats = noGrad {
      layout.buckets.map { bucket in
        let flat = Tensor.zeros([bucket.count], dtype: bucket.dtype)
        for index in bucket.parameters {
          let place = layout.places[index], view = flat.narrow(0, place.start, place.count).view(place.shape)
          view.copy_(parameters[index].detach())
          parameters[index].setData_(view)
        }
        return flat
      }
    }
    (self.layout, self.group) = (layout, group)
  }

  /// Copies each process's share to the others.
  func gather() throws {
    var underWay = [PendingCollective]()
    for (bucket, flat) in flats.enumerated() {
      if underWay.count >= Self.atOnce { try underWay.removeFirst().wait() }
      let share = layout.share(of: bucket, rank: group.rank)
      underWay.append(try group.beginGather(flat.narrow(0, share.lowerBound, share.count), into: flat))
    }
    for pending in underWay { try pending.wait() }
  }
}
