// SPDX-License-Identifier: Apache-2.0
import Files
import Foundation
package import TokenData
public import Torch
package import TorchNN

/// What the processes of a run compare before they train together: programs, run files, data, weights. The first that
/// differs is named.
extension ProcessGroup {
  /// What processes say of themselves when they meet.
  public static var introduction: String { "dist2 \(dist2Version) with libtorch \(Torch.version.loaded)" }

  /// How many processes run on this machine.
  func countHere() throws -> Int {
    let machine = (try? String(contentsOfFile: "/proc/sys/kernel/random/boot_id", encoding: .utf8))
    let own = machine ?? ProcessInfo.processInfo.hostName
    return try gather(own).count { $0 == own }
  }

  /// Programs and run files.
  package func agree(on settings: RunSettings) throws {
    let program = try MappedFile(CommandLine.programPath).hash
    let library = try MappedFile(Torch.libraryFolder + "/libctorch.so").hash
    let keys = RunFolder.keys(of: settings.resolved).map { (name: "value of the key \($0.key)", value: $0.value) }
    try agree(
      on: [("program dist2 (a hash)", program), ("library libctorch.so (a hash)", library)] + keys,
      remedy: "All processes of a run must have the same program and run file.")
  }

  /// Files of examples.
  package func agree(on data: [(key: String, summary: DatasetSummary)]) throws {
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
  package func agree(on model: Module) throws {
    var print = UInt64.fingerprintStart
    for parameter in model.parameters() {
      let description =
        "\(parameter.key) \(parameter.tensor.shape) \(parameter.tensor.dtype) \(parameter.box.isTrainable)"
      for byte in description.utf8 { print.mix(UInt64(byte)) }
      noGrad {
        parameter.tensor.detach().contiguous().withUnsafeMutableBytes {
          print.mix(UInt64(fingerprintOf: UnsafeRawBufferPointer($0)))
        }
      }
    }
    try agree(
      on: [("model (a hash of its weights)", String(print, radix: 16))],
      remedy: "All processes of a run must begin with the same weights: look at the model's folder on each machine.")
  }
}

extension MappedFile {
  fileprivate var hash: String { String(withBytes { UInt64(fingerprintOf: $0) }, radix: 16) }
}
