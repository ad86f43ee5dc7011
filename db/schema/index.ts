export * from './audit.ts';
export * from './directory.ts';
export * from './enums.ts';
export * from './federation.ts';
export * from './gateway.ts';
export * from './resources.ts';
