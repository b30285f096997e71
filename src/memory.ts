import { setFlagsFromString } from 'node:v8';

// Imported first. By default V8 lets the old generation grow to several times what is alive before it collects, which
// under full load came to 325 MB of resident memory; with this it is 250 MB, for about 3 % more CPU.
setFlagsFromString('--heap-growing-percent=120');
