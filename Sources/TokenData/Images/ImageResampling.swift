// SPDX-License-Identifier: Apache-2.0
import Foundation

extension PixelImage {
  /// How pixels between those of an image are made up. The numbers are Pillow's, which `resample` in
  /// `preprocessor_config.json` means.
  public enum ResamplingFilter: Int, Sendable, Hashable, Codable {
    /// Lanczos's windowed sinc, six pixels wide.
    case lanczos = 1
    /// A triangle two pixels wide.
    case bilinear = 2
    /// Keys's cubic of a = −1/2, four pixels wide.
    case bicubic = 3
    /// One pixel wide: the mean of the pixels that a smaller one covers.
    case box = 4

    /// Pixels on either side that count.
    var support: Double {
      switch self {
      case .lanczos: 3
      case .bilinear: 1
      case .bicubic: 2
      case .box: 0.5
      }
    }

    /// Weight of a pixel at a distance.
    func weight(_ distance: Double) -> Double {
      let x = abs(distance), a = -0.5
      switch self {
      case .lanczos:
        func sinc(_ x: Double) -> Double { x == 0 ? 1 : sin(x * .pi) / (x * .pi) }
        return distance >= -3 && distance < 3 ? sinc(distance) * sinc(distance / 3) : 0
      case .bilinear: return x < 1 ? 1 - x : 0
      case .bicubic:
        if x < 1 { return ((a + 2) * x - (a + 3)) * x * x + 1 }
        return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0
      case .box: return distance > -0.5 && distance <= 0.5 ? 1 : 0
      }
    }
  }

  /// The image at another size, bit for bit as `resize` of Pillow 13: where it shrinks, the filter is as many times
  /// wider (antialias); weights are fixed-point numbers of 22 binary places, and both passes round to 8 bits. The pass
  /// along rows comes first unless the height shrinks by more than twice what the width does.
  public func resized(width: Int, height: Int, filter: ResamplingFilter) -> PixelImage {
    resized(width: width, height: height, columns: 0..<width, rows: 0..<height, filter: filter)
  }

  /// A part of the resized image, which alone is computed: an image of 20,000 x 1 pixels may have a resized whole
  /// that memory cannot hold.
  func resized(
    width newWidth: Int, height newHeight: Int, columns: Range<Int>, rows: Range<Int>, filter: ResamplingFilter
  ) -> PixelImage {
    precondition(newWidth > 0 && newHeight > 0 && !columns.isEmpty && !rows.isEmpty, "\(newWidth) x \(newHeight)")
    let across = ResamplingWeights(from: width, to: newWidth, columns, filter)
    let down = ResamplingWeights(from: height, to: newHeight, rows, filter)
    let row = width * channels, needed = down.source, mixed: [UInt8]
    if newHeight < height, 2 * (width - newWidth) < height - newHeight {
      // Pillow 13's own condition, as its results show.
      mixed = across.mixColumns(
        down.mixRows(bytes, row: row, first: 0), rows: 0..<rows.count, row: row, channels: channels)
    } else {
      let narrow = across.mixColumns(bytes, rows: needed, row: row, channels: channels)
      mixed = down.mixRows(narrow, row: columns.count * channels, first: needed.lowerBound)
    }
    return PixelImage(width: columns.count, height: rows.count, channels: channels, bytes: mixed)
  }
}

/// For each pixel of a side, which old pixels it is made of, and in what shares.
private struct ResamplingWeights {
  private static let places: Int32 = 22
  private static let half: Int32 = 1 << (places - 1)
  /// First old pixel of each new one, how many there are, and where their shares begin in `shares`.
  private let entries: [(first: Int, count: Int, offset: Int)]
  private let shares: [Int32]

  init(from old: Int, to new: Int, _ range: Range<Int>, _ filter: PixelImage.ResamplingFilter) {
    let scale = Double(old) / Double(new), stretch = max(scale, 1), support = filter.support * stretch
    var entries = [(first: Int, count: Int, offset: Int)](), shares = [Int32]()
    for index in range {
      let centre = (Double(index) + 0.5) * scale
      let first = max(0, Int(centre - support + 0.5)), end = min(old, Int(centre + support + 0.5))
      let weights = (first..<end).map { filter.weight((Double($0) - centre + 0.5) * (1 / stretch)) }
      let sum = weights.reduce(0, +)
      entries.append((first, weights.count, shares.count))
      shares += weights.map { weight in
        let fixed = (sum != 0 ? weight / sum : weight) * Double(1 << Self.places)
        return Int32(fixed < 0 ? fixed - 0.5 : fixed + 0.5)
      }
    }
    (self.entries, self.shares) = (entries, shares)
  }

  /// The old pixels that any of the new ones needs.
  var source: Range<Int> {
    let first = entries.map(\.first).min() ?? 0, end = entries.map { $0.first + $0.count }.max() ?? 0
    return first..<end
  }

  /// The pass along rows, of which only some are needed: rows of `row` bytes → rows of `entries.count * channels`.
  func mixColumns(_ bytes: [UInt8], rows: Range<Int>, row: Int, channels: Int) -> [UInt8] {
    let target = entries.count * channels
    return [UInt8](unsafeUninitializedCapacity: rows.count * target) { result, written in
      bytes.withUnsafeBufferPointer { bytes in
        for (line, old) in rows.enumerated() {
          for (index, entry) in entries.enumerated() {
            for channel in 0..<channels {
              var sum = Self.half, place = old * row + entry.first * channels + channel
              for tap in 0..<entry.count {
                sum &+= Int32(bytes[place]) &* shares[entry.offset + tap]
                place += channels
              }
              result[line * target + index * channels + channel] = Self.byte(sum)
            }
          }
        }
      }
      written = rows.count * target
    }
  }

  /// The pass along columns: rows of `row` bytes, the first of which is old row `first`, → `entries.count` rows.
  func mixRows(_ bytes: [UInt8], row: Int, first: Int) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: entries.count * row) { result, written in
      var sums = [Int32](repeating: 0, count: row)
      bytes.withUnsafeBufferPointer { bytes in
        for (index, entry) in entries.enumerated() {
          for column in 0..<row { sums[column] = Self.half }
          for tap in 0..<entry.count {
            let share = shares[entry.offset + tap], source = (entry.first - first + tap) * row
            for column in 0..<row { sums[column] &+= Int32(bytes[source + column]) &* share }
          }
          for column in 0..<row { result[index * row + column] = Self.byte(sums[column]) }
        }
      }
      written = entries.count * row
    }
  }

  private static func byte(_ sum: Int32) -> UInt8 { UInt8(min(max(sum >> places, 0), 255)) }
}
