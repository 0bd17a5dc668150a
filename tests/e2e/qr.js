'use strict';
/* What a reader reads from a QR code: rows of 0 and 1 on standard input, a line each. */
const jsQR = require('jsqr');

const rows = require('fs').readFileSync(0, 'utf8').trim().split('\n'), scale = 4, side = (rows.length + 8) * scale;
const pixels = new Uint8ClampedArray(side * side * 4).fill(255);
for (let y = 0; y < side; y++)
	for (let x = 0; x < side; x++)
		if ((rows[Math.floor(y / scale) - 4] || '')[Math.floor(x / scale) - 4] === '1')
			pixels.fill(0, (y * side + x) * 4, (y * side + x) * 4 + 3);
console.log(jsQR(pixels, side, side)?.data || 'nothing');
