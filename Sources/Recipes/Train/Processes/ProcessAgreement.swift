// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
import TokenData
public import Torch
import TorchNN

/// What the processes of a run compare before they train together: programs, run files, data, weights. The first that
/// differs is named.
extension ProcessGroup {
  /// What processes say of themselves when they meet.
  public static var introduction: String { "dist2 \(dist2Version) with libtorch \(Torch.version.loaded)" }

  /// Programs and run files.
  func agree(on settings: RunSettings) throws {
    let program = try MappedFile(CommandLine.programPath).hash
    let library = try MappedFile(Torch.libraryFolder + "/libctorch.so").hash
    let keys = RunFolder.keys(of: settings.resolved).map { (name: "value of the key \($0.key)", value: $0.value) }
    try agree(
      on: [("program dist2 (a hash)", program), ("library libctorch.so (a hash)", library)] + keys,
      remedy: "All processes of a run must have the same program and run file.")
  }

  /// Files of examples.
  func agree(on data: [(key: String, summary: DatasetSummary)]) throws {
    try agree(
      on: data.map { data in
        (
          name: "file of the key \(data.key)",
          value: "\(data.summary.examples) examples, hash \(data.summary.fingerprint)"
        )
      },
      remedy: "All processes of a run must read the same data.")
  }

  /// Weights, and which of them are trained.
  func agree(on model: Module) throws {
    let hash = Hash()
    for parameter in model.parameters() {
      hash.add("\(parameter.key) \(parameter.tensor.shape) \(parameter.tensor.dtype) \(parameter.box.isTrainable)".utf8)
      noGrad { parameter.tensor.detach().contiguous().withUnsafeMutableBytes { hash.add(UnsafeRawBufferPointer($0)) } }
    }
    try agree(
      on: [("model (a hash of its weights)", hash.text)],
      remedy: "All processes of a run must begin with the same weights: look at the model's folder on each machine.")
  }
}

/// Of many bytes, by words of eight: to tell files apart, not against anybody's will.
private final class Hash {
  private var state: UInt64 = 0x9e37_79b9_7f4a_7c15

  func add(_ text: some Sequence<UInt8>) { for byte in text { mix(UInt64(byte)) } }

  func add(_ bytes: UnsafeRawBufferPointer) {
    let words = bytes.count / 8
    for index in 0..<words { mix(bytes.loadUnaligned(fromByteOffset: 8 * index, as: UInt64.self)) }
    for index in 8 * words..<bytes.count { mix(UInt64(bytes[index])) }
  }

  private func mix(_ word: UInt64) {
    state = (state ^ word) &* 0xff51_afd7_ed55_8ccd
    state ^= state >> 32
  }

  var text: String { String(state, radix: 16) }
}

extension MappedFile {
  fileprivate var hash: String {
    let hash = Hash()
    withBytes { hash.add($0) }
    return hash.text
  }
}
