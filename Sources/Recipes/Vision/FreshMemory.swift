import Files
import Foundation
import Torch
import TorchNN

extension Module {
  /// Throws unless the machine has the memory that fresh weights of a model without any would take.
  ///
  /// - Parameter folder: what errors name.
  func requireMemory(_ folder: String) throws(InputError) {
    // Sizes of single layers are within bounds; their sum need not be.
    let bytes = parameters().reduce(0.0) { sum, parameter in
      sum + parameter.tensor.shape.reduce(4.0) { $0 * Double($1) }
    }
    let memory = Double(ProcessInfo.processInfo.physicalMemory)
    guard bytes <= memory else {
      throw InputError(
        path: folder, place: "sizes", expected: "weights that fit the \((memory / 1e9).rounded()) GB of this machine",
        found: "\((bytes / 1e9).rounded()) GB", remedy: "Take a smaller width or fewer layers.")
    }
  }
}
