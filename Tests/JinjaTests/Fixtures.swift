// SPDX-License-Identifier: Apache-2.0
import Foundation

/// The folder that Tests/Fixtures/jinja/make.py writes.
let fixtures = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../Fixtures/jinja").path
